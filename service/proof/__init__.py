"""Proof that a contact is somebody's own: one-time codes, sign-in, and what a proof evicts."""
