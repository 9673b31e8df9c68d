"""Flights: ask something slow in a thread, once for all who wait, and keep the answer a second."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog
from django.db import connections

log = structlog.get_logger("flowlatch.health")

Found = TypeVar("Found")

LASTS = 1.0  # seconds that an answer is given again
GIVEN_UP_AFTER = 4.0  # seconds until another thread asks: a dead connection holds only its own


class Flight(Generic[Found]):
    """One question, for one event loop. Its thread may use Django's connections.

    `ask` gets a function with which it notes what is known so far: that is the answer for those who
    can't wait for the end.
    """

    def __init__(self, ask: Callable[[Callable[[Found], None]], Found], at_first: Found) -> None:
        """`at_first` is the answer while nothing is known, and where asking fails."""
        self._ask, self._at_first = ask, at_first
        self._found = at_first
        self._landing: asyncio.Future[None] | None = None
        self._began_at = self._landed_at = float("-inf")  # on the monotonic clock

    async def result(self, within: float) -> Found:
        """Return the answer, or what is known of it after so many seconds."""
        now = time.monotonic()
        if now - self._landed_at < LASTS:
            return self._found
        if self._landing is None or now - self._began_at >= GIVEN_UP_AFTER:
            self._begin(now)
        assert self._landing is not None
        await asyncio.wait({self._landing}, timeout=within)
        return self._found

    def _begin(self, now: float) -> None:
        loop = asyncio.get_running_loop()
        self._landing, self._began_at, self._found = loop.create_future(), now, self._at_first
        # No executor: Python would wait for its threads when the process ends.
        arguments = (loop, self._landing)
        threading.Thread(target=self._fly, args=arguments, name="health", daemon=True).start()

    def _fly(self, loop: asyncio.AbstractEventLoop, landing: asyncio.Future[None]) -> None:
        def note(found: Found) -> None:
            loop.call_soon_threadsafe(self._note, landing, found)

        try:
            try:
                found = self._ask(note)
            except Exception as error:
                log.warning("health not read", error=type(error).__name__)
                found = self._at_first
            finally:
                connections.close_all()  # this thread's
            loop.call_soon_threadsafe(self._land, landing, found)
        except RuntimeError:  # the loop was closed meanwhile
            return

    def _note(self, landing: asyncio.Future[None], found: Found) -> None:
        if landing is self._landing:
            self._found = found

    def _land(self, landing: asyncio.Future[None], found: Found) -> None:
        self._note(landing, found)
        if landing is self._landing:
            self._landing, self._landed_at = None, time.monotonic()
        landing.set_result(None)
