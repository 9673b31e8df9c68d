"""FAQ: entries, their files, and what had no answer."""
