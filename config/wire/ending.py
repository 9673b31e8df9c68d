"""Ending: whether this process was told to stop."""

_is_stopping = False


def begin() -> None:
    """Note that the process stops."""
    global _is_stopping  # noqa: PLW0603 (the process has one)
    _is_stopping = True


def is_stopping() -> bool:
    """Whether the process was told to stop."""
    return _is_stopping
