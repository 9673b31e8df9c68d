"""Leaks: anyone can report a key's text that they found, and a live secret key stops working."""
