"""The history: what was said, in SQLite."""
