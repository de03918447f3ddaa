"""The door for web shops."""
