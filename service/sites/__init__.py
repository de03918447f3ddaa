"""E-commerce sites (or app backends) and their keys."""
