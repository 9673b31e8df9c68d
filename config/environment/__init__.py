"""The environment: `.env`, and the values of settings read from it."""
