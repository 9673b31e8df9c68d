"""What is raised where a part that a decision or a note needs is missing."""

from django.db import DatabaseError


class Unavailable(Exception):
    """A part that a decision needs is gone. Answer 503: neither let in nor refuse for good."""


OUTAGES = (DatabaseError, Unavailable)  # what a note may fail with that nothing else depends on
# How a command says so.
NOT_STARTED = "The database or the key ring is not there yet. Start Flowlatch once: make run"
