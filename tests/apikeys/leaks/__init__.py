"""Reports of leaked keys."""
