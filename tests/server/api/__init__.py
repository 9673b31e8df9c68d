"""The management API on the wire of the shipped server."""
