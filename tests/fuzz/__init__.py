"""Tries of the whole management API from its document: `make fuzz`."""
