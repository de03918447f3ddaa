"""A person's rights: see everything, take it along, be forgotten."""
