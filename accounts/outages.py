"""The exception for a missing part that a decision needs."""


class Unavailable(Exception):
    """A part that a decision needs is gone. Answer 503: neither let in nor refuse for good."""
