"""Consent by purpose: granted or withdrawn, when, where, and to which words."""
