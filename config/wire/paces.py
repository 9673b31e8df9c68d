"""Paces: how slow a client may be."""

from datetime import timedelta

HEAD_LIFETIME = timedelta(seconds=10)  # from a head's first byte, or from connecting, to its end
LINGER_LIFETIME = timedelta(seconds=1)  # how long a refused client is still read, unheeded
STALL_LIFETIME = timedelta(minutes=5)  # how long a client may leave an answer waiting for it
SLOWEST_READER = 1024  # bytes a second that a client must take of it to be given longer
SWEEP_INTERVAL = timedelta(seconds=1)  # so a late head goes up to this much after its lifetime


def is_too_slow(taken: int, waited: timedelta, lifetime: timedelta) -> bool:
    """Return whether a client that took so many bytes of what waits for it is given up."""
    return waited >= lifetime and taken < waited.total_seconds() * SLOWEST_READER
