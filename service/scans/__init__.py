"""Scans: one reading of a code at a terminal, and its outcome."""
