"""Unspoken: a shopper shows a code, a till scans it, and the sale lands on the customer ID they have online."""

__version__ = "0.1.0"
