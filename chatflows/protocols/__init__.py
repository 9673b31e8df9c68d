"""Protocols: how clients' questions are read, and how answers are written for them. Pure."""
