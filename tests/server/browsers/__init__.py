"""Web pages before the shipped server, with publishable keys."""
