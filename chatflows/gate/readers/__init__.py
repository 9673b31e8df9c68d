"""Readers: the facts of a decision, read from the database at each request."""
