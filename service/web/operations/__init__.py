"""The door for operators' machines: health, readiness, metrics, and the API's own pages."""
