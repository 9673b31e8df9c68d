"""Ending: whether this process was told to stop, and for how long idle connections still stay."""

LINGER = 2.0  # seconds in which a client may still send on a connection that rests
_linger = LINGER
_is_stopping = False


def begin(*, is_hurried: bool = False) -> None:
    """Note that the process stops: from now on each answer says `Connection: close`.

    `is_hurried`: a person waits for the end, so idle connections don't stay.
    """
    global _is_stopping, _linger  # noqa: PLW0603 (the process has one)
    _is_stopping = True
    if is_hurried:
        _linger = 0.0


def is_stopping() -> bool:
    """Whether the process was told to stop."""
    return _is_stopping


def linger() -> float:
    """Return how many seconds idle connections stay open once nobody is taken in any more."""
    return _linger
