"""Stores and their terminals: adding, enrolling, recognising, revoking."""
