"""The audit: every change to a person's file and every look into it, with who, what, when and why."""
