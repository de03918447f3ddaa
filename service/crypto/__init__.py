"""Secrets: the key file, sealed values, look-up indexes and bearer tokens."""
