"""Large bodies: a budget of bytes for the whole process, and one thread that reads them in turn."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.conf import settings

LARGE = 64 * 1024  # bytes; what is smaller costs no more than its connection does
AT_ONCE = 256 * 1024  # bytes; what is smaller is read in the loop, in under a millisecond
Read = TypeVar("Read")


class Crowded(Exception):
    """The process holds as many bytes of bodies as it may."""


class LargeBodies:
    """Counts what the bodies of one process hold, from their first byte to the answer's end."""

    def __init__(self) -> None:
        self.held = 0  # bytes
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bodies")

    def check(self, size: int, *, is_stranger: bool) -> None:
        """Raises Crowded if there is no room; strangers may fill the half of it.

        So that what comes without a key shuts out nobody who holds one.
        """
        room = settings.MAX_BUFFERED_BYTES // (2 if is_stranger else 1)
        if self.held + size > room:
            raise Crowded

    def take(self, size: int, *, is_stranger: bool) -> None:
        """Count more bytes; `give` must follow. Raises Crowded."""
        self.check(size, is_stranger=is_stranger)
        self.held += size

    def give(self, size: int) -> None:
        """Count them no longer."""
        self.held -= size

    async def read(self, reader: Callable[[bytes], Read], body: bytes) -> Read:
        """What a pure function reads in a body, one large one at a time.

        The parser lets nobody else run meanwhile, so many in a row would hold up the loop.
        """
        if len(body) <= AT_ONCE:
            return reader(body)
        return await asyncio.get_running_loop().run_in_executor(self._thread, reader, body)


large_bodies = LargeBodies()  # of this process
