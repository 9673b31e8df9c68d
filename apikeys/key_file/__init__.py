"""The key file: what keys open, outside the database, in case the database is lost.

`layout` says how a line looks and is sealed, `facts` what it says, `changes` when the file is
behind, `writing` makes it anew, and `reading` brings keys back.
"""
