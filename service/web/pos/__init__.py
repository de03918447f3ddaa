"""The door for tills. No answer here ever holds anything of a person (tests/privacy enforces it)."""
