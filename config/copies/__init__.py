"""Copies of an installation: back up, check, restore, and move from SQLite to PostgreSQL."""
