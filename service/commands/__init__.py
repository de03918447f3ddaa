"""The commands of `unspoken`, a module a noun. Each is thin: it opens a transaction and calls a verb."""
