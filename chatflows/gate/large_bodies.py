"""Large bodies: a budget of bytes for the process, and one thread that parses them in turn."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.conf import settings

from chatflows.access import codes
from chatflows.access.codes import Refused

LARGE = 64 * 1024  # bytes; a smaller body costs no more than its connection
AT_ONCE = 256 * 1024  # bytes; a smaller body is parsed in the loop, in under a millisecond
CROWDED = "Too many large bodies are held at once. Try again in a moment."
Read = TypeVar("Read")


class LargeBodies:
    """Counts the bytes of bodies that one process holds, until their answers end."""

    def __init__(self) -> None:
        self.held = 0  # bytes
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bodies")

    def check(self, size: int, *, is_stranger: bool) -> None:
        """Raise Refused if there is no room for `size` more bytes.

        Callers without a key may use at most half, so that they cannot crowd out those with one.
        """
        room = settings.MAX_BUFFERED_BYTES // (2 if is_stranger else 1)
        if self.held + size > room:
            raise Refused(codes.UNAVAILABLE, CROWDED, closes=True)

    def take(self, size: int, *, is_stranger: bool) -> None:
        """Count more bytes; `give` must follow. Raises as `check`."""
        self.check(size, is_stranger=is_stranger)
        self.held += size

    def give(self, size: int) -> None:
        """Stop counting `size` bytes."""
        self.held -= size

    async def read(
        self, reader: Callable[[bytes | bytearray], Read], body: bytes | bytearray
    ) -> Read:
        """Parse a body by a pure function. Large bodies are parsed one at a time.

        The parser lets no other thread run, so many at once would hold up the loop.
        """
        if len(body) <= AT_ONCE:
            return reader(body)
        return await asyncio.get_running_loop().run_in_executor(self._thread, reader, body)


large_bodies = LargeBodies()  # of this process
