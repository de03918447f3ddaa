"""PURE: how alike two records of a person are. No database, no Flask; nothing computed here is stored."""
