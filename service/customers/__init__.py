"""Customers and the identifiers that lead to them."""
