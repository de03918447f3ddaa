"""Codes, pure: bytes, keys and the time go in; a value or `CodeRefused` comes out. No database, no Flask.

The wire format, version 1, is written down for other implementers in docs/codes.md.
"""
