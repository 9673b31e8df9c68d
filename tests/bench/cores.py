"""One core for the servers that are measured, and one for those who ask them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


def can_pin() -> bool:
    """Whether processes can be held to a core here: on Linux with at least two of them."""
    return hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) > 1


@contextmanager
def apart() -> Iterator[int | None]:
    """Hold this process, and all that it starts, to the first core; gives the second, or None.

    Of more than two cores the others stay idle.
    """
    if not can_pin():
        yield None
        return
    before = os.sched_getaffinity(0)
    around, measured = sorted(before)[:2]
    os.sched_setaffinity(0, {around})
    try:
        yield measured
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def starting_on(core: int | None) -> Iterator[None]:
    """What is started in the block runs on this core alone, with its threads and children."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
