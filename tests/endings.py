"""A guard against texts that are made to take for ever. It measures nothing."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

FAR = 10.0  # seconds of processor time: many times what any of them takes on a slow machine


@contextmanager
def that_ends() -> Iterator[None]:
    """Fail if the block took far longer than reading a text once can take."""
    started = time.process_time()
    yield
    assert time.process_time() - started < FAR
