"""The holder's own page: what a key opens and has left, for whoever holds its text."""
