"""Cards: what a customer carries in one app on one phone."""
