"""The published clients, unchanged, against the shipped server."""
