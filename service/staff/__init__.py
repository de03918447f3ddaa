"""Operators: the brand's own people, with keys of their own."""
