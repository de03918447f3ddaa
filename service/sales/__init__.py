"""Sales and returns: what the till rang up, and the scan that it belongs to."""
