"""Publishable keys, and secret keys that are seen in browsers."""
