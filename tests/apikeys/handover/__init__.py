"""Hand-over by link."""
