"""The door for e-commerce sites."""
