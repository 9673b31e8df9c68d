"""Rates that all processes count together, in Valkey or Redis. Imported only with LIMITS_URL."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from math import ceil
from typing import Any, NamedTuple, cast
from weakref import WeakKeyDictionary

import structlog
from limits.aio.storage import RedisStorage

from accounts.limits.rates import Admission, Limits, ProcessRates, Rate, Standing

log = structlog.get_logger("flowlatch.limits")

PATIENCE = 0.25  # seconds that the store gets for one call
PAUSE = 5.0  # seconds between two tries while it is gone
AT_ONCE = 16  # calls that ask the store at once; each takes a connection for each of its limits
PREFIX = "flowlatch"


class _Link(NamedTuple):
    """The way to the store from one event loop: connections live in the loop that made them."""

    storage: RedisStorage
    turns: asyncio.Semaphore


class SharedRates:
    """Counts in Valkey or Redis. While the store is gone or slow, `fallback` counts instead."""

    def __init__(self, url: str, fallback: ProcessRates) -> None:
        self._url = f"async+{url}"
        self._fallback = fallback
        self._links: WeakKeyDictionary[asyncio.AbstractEventLoop, _Link] = WeakKeyDictionary()
        self._is_gone = False
        self._next_trial_at = 0.0  # on the monotonic clock

    async def test(self, limits: Limits) -> Admission:
        """Say where a call stands with its limits. Counts nothing."""
        tested = await self._guarded(self._test, limits)
        return tested or self._fallback.test(limits)

    async def hit(self, limits: Limits) -> Admission:
        """Count a call against its limits. One that is over its limit counts no further."""
        hit = await self._guarded(self._hit, limits)
        return hit or self._fallback.hit(limits)

    async def admit(self, limits: Limits) -> Admission:
        """Count a call against all its limits, or against none if it is over one of them.

        Of calls that come at the same moment one can be refused by one limit after it was counted
        by another: the store tests and counts each limit by itself.
        """
        admission = await self._guarded(self._admit, limits)
        return admission or self._fallback.admit(limits)

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        link = self._links.pop(asyncio.get_running_loop(), None)
        if link is not None:
            await cast(Any, link.storage.bridge).get_connection().aclose()

    async def _test(self, storage: RedisStorage, limits: Limits) -> Admission:
        standings = await asyncio.gather(*[_standing(storage, *each) for each in limits])
        return Admission(all(each.remaining for each in standings), tuple(standings))

    async def _hit(self, storage: RedisStorage, limits: Limits) -> Admission:
        is_admitted = await _acquire(storage, limits)
        return (await self._test(storage, limits))._replace(is_admitted=is_admitted)

    async def _admit(self, storage: RedisStorage, limits: Limits) -> Admission:
        tested = await self._test(storage, limits)
        if not tested.is_admitted:
            return tested
        if not await _acquire(storage, limits):
            return (await self._test(storage, limits))._replace(is_admitted=False)
        left = [each._replace(remaining=each.remaining - 1) for each in tested.standings]
        return Admission(True, tuple(left))

    async def _guarded(
        self, ask: Callable[[RedisStorage, Limits], Awaitable[Admission]], limits: Limits
    ) -> Admission | None:
        """Ask the store; None while it is gone."""
        link = self._link()
        async with link.turns:  # outside the time: a long queue here is no fault of the store
            is_trial = self._is_gone
            if is_trial:
                if time.monotonic() < self._next_trial_at:
                    return None
                self._put_off()  # one call tries, and no other waits with it
            try:
                async with asyncio.timeout(PATIENCE):
                    admission = await ask(link.storage, limits)
            except Exception as error:  # of the client, of the network, of time
                self._note_gone(error)
                return None
        if is_trial:
            self._is_gone = False
            log.warning("limits are shared again")
        return admission

    def _note_gone(self, error: Exception) -> None:
        self._put_off()
        if not self._is_gone:
            self._is_gone = True
            # The error's name alone: its message can quote the URL.
            log.warning("limits are counted by each process", error=type(error).__name__)

    def _put_off(self) -> None:
        self._next_trial_at = time.monotonic() + PAUSE

    def _link(self) -> _Link:
        loop = asyncio.get_running_loop()
        link = self._links.get(loop)
        if link is None:
            storage = RedisStorage(self._url, implementation="valkey", key_prefix=PREFIX)
            link = self._links[loop] = _Link(storage, asyncio.Semaphore(AT_ONCE))
        return link


async def _acquire(storage: RedisStorage, limits: Limits) -> bool:
    entries = [
        storage.acquire_entry(_key(rate, subject), rate.limit, rate.window)
        for rate, subject in limits
    ]
    return all(await asyncio.gather(*entries))


async def _standing(storage: RedisStorage, rate: Rate, subject: str) -> Standing:
    began_at, hits = await storage.get_moving_window(_key(rate, subject), rate.limit, rate.window)
    resets_in = ceil(began_at + rate.window - time.time())
    return Standing(rate, max(0, rate.limit - hits), min(max(1, resets_in), rate.window))


def _key(rate: Rate, subject: str) -> str:
    return f"{rate.name}/{subject}"
