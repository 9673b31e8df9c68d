"""The forms of API keys."""
