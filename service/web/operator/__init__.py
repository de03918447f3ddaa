"""The operator door."""
