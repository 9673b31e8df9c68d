"""API keys: their text, their records, their pages, and the reading of a presented credential."""
