"""Rates that processes count together, in a real Valkey that is killed and comes back."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from asgiref.sync import sync_to_async
from pytest_django import Settings
from structlog.testing import capture_logs

from accounts.limits import shared_limits, stores
from accounts.limits.rates import Admission, Limits, ProcessRates, Rate
from tests.accounts.limits.conftest import Store

pytestmark = pytest.mark.valkey

TWO = Rate("two", 2)


class Process:
    """What one of several processes has: counts of its own, and the way to the store."""

    def __init__(self, url: str) -> None:
        self.own = ProcessRates()
        self.shared = shared_limits.SharedLimits(url, self.own)

    async def admit(self, *limits: tuple[Rate, str]) -> bool:
        admission: Admission = await self.shared.admit(limits)
        return admission.is_admitted


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is not taken for a store that is gone; two tests say otherwise."""
    monkeypatch.setattr(shared_limits, "PATIENCE", 5.0)


def run(url: str, story: Callable[[Process, Process], Awaitable[None]]) -> None:
    """Tell a story of two processes."""

    async def told() -> None:
        one, other = Process(url), Process(url)
        try:
            await story(one, other)
        finally:
            await one.shared.close()
            await other.shared.close()

    asyncio.run(told())


@pytest.mark.parametrize("scheme", ["valkey", "redis"])
def test_processes_count_together(store: Store, scheme: str) -> None:
    async def story(one: Process, other: Process) -> None:
        assert await one.admit((TWO, "alice"))
        assert await other.admit((TWO, "alice"))
        assert not await one.admit((TWO, "alice"))
        assert not await other.admit((TWO, "alice"))
        assert await other.admit((TWO, "bob"))

    run(store.url.replace("valkey", scheme, 1), story)


def test_a_socket_does_as_well(store: Store) -> None:
    async def story(one: Process, other: Process) -> None:
        assert await one.admit((Rate("one", 1), "alice"))
        assert not await other.admit((Rate("one", 1), "alice"))

    run(f"valkey+unix://{store.socket}?db=3", story)


def test_the_standing_is_that_of_the_process_store(store: Store) -> None:
    async def story(one: Process, other: Process) -> None:
        limits: Limits = [(TWO, "alice")]
        for remaining in (1, 0):
            admitted = await one.shared.admit(limits)
            assert (admitted.is_admitted, admitted.standings[0].remaining) == (True, remaining)
        refused = await other.shared.admit(limits)
        assert not refused.is_admitted
        assert 58 <= refused.wait <= 61

    run(store.url, story)


def test_a_refused_call_uses_up_none_of_its_limits(store: Store) -> None:
    async def story(one: Process, other: Process) -> None:
        limits: Limits = [(Rate("key", 5), "key"), (Rate("network", 1), "network")]
        assert (await one.shared.admit(limits)).is_admitted
        for _ in range(5):
            refused = await other.shared.admit(limits)
            assert [each.remaining for each in refused.standings] == [4, 0]

    run(store.url, story)


def test_calls_at_one_moment_are_never_more_than_the_limit(store: Store) -> None:
    async def story(one: Process, other: Process) -> None:
        rate = Rate("ten", 10)
        at_once = [each.admit((rate, "alice")) for each in [one, other] * 30]
        assert sum(await asyncio.gather(*at_once)) == 10

    run(store.url, story)


def test_a_store_that_is_killed_costs_nobody_an_answer_and_is_used_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_limits, "PAUSE", 0.2)

    async def story(one: Process, other: Process) -> None:
        assert await one.admit((TWO, "alice"))
        store.kill()
        # One call of its own is known from before: a store that goes away opens nothing.
        assert [await one.admit((TWO, "alice")) for _ in range(3)] == [True, False, False]
        store.start()
        deadline = time.monotonic() + 10
        while one.shared.gone_since is not None and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            await one.admit((TWO, "nobody"))
        # The store came back empty, so each process holds to what it let in itself.
        assert not await one.admit((TWO, "alice"))
        assert [await other.admit((TWO, "alice")) for _ in range(3)] == [True, True, False]

    with capture_logs() as lines:
        run(store.url, story)
    assert [line["event"] for line in lines] == [
        "limits are counted by each process",
        "limits are shared again",
    ]
    assert str(store.port) not in str(lines)


def test_a_store_that_is_silent_is_waited_for_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_limits, "PATIENCE", 0.25)

    async def story(one: Process, other: Process) -> None:
        assert await one.admit((TWO, "alice"))
        store.halt()
        began = time.monotonic()
        await asyncio.gather(*[one.admit((Rate("many", 9), "bob")) for _ in range(50)])
        first = time.monotonic() - began
        for _ in range(200):
            await one.admit((Rate("many", 9), "bob"))
        assert time.monotonic() - began < first + 0.2
        assert first < 2
        store.go_on()

    with capture_logs() as lines:
        run(store.url, story)
    assert len(lines) == 1


def test_after_a_silence_no_answer_is_taken_for_anothers(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_limits, "PAUSE", 0.0)
    monkeypatch.setattr(shared_limits, "PATIENCE", 0.25)

    async def story(one: Process, other: Process) -> None:
        assert await one.admit((Rate("one", 1), "spent"))
        store.halt()
        await one.admit((Rate("one", 1), "new"))
        store.go_on()
        await asyncio.sleep(0.1)
        for n in range(20):
            assert await one.admit((Rate("one", 1), f"new {n}"))
            assert not await one.admit((Rate("one", 1), "spent"))

    run(store.url, story)


def test_a_store_that_is_gone_leaves_each_process_its_part(store: Store) -> None:
    async def story(one: Process, other: Process) -> None:
        ten = Rate("ten", 10)
        for each in (one, other):  # each of them has been seen by the store
            assert await each.admit((ten, "somebody"))
        assert await one.admit((ten, "somebody"))
        store.kill()
        for each in (one, other):
            admitted = [await each.admit((ten, "alice")) for _ in range(10)]
            assert admitted == [True] * 5 + [False] * 5

    run(store.url, story)


def test_a_store_that_is_flushed_opens_nothing(store: Store) -> None:
    async def story(one: Process, other: Process) -> None:
        for _ in range(2):
            assert await one.admit((TWO, "alice"))
        store.flush()
        assert await one.admit((TWO, "bob"))  # sees that the store forgot
        assert not await one.admit((TWO, "alice"))

    with capture_logs() as lines:
        run(store.url, story)
    assert [line["event"] for line in lines] == [
        "shared limits were emptied; each process counts too for a minute"
    ]


def test_streams_count_until_they_end_or_their_process_is_gone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(one: Process, other: Process) -> None:
        ask = [stores.Ask("streams/alice", 1, is_streams=True)]

        async def enter(process: Process, stream: str) -> bool:
            reply = await process.shared.ask(ask, stream)
            assert reply is not None
            return reply.is_admitted

        assert await enter(one, "first")
        assert not await enter(other, "second")
        await one.shared.give_back(["streams/alice"], "first")
        assert await enter(other, "second")
        await other.shared.renew([("streams/alice", "second")])
        assert not await enter(one, "third")
        store.age("streams/alice", "second", seconds=10)
        assert await enter(one, "third")

    run(store.url, story)


def test_a_password_that_is_wrong_is_in_no_log(store: Store) -> None:
    async def story(one: Process, other: Process) -> None:
        assert await one.admit((TWO, "alice"))

    with capture_logs() as lines:
        run(store.url.replace("//", "//someone:hush-hush@"), story)
    assert len(lines) == 1
    assert "hush-hush" not in str(lines)


def test_pages_count_in_the_loop_of_their_server(store: Store, settings: Settings) -> None:
    settings.LIMITS_URL = store.url
    stores.shared.cache_clear()
    rate = Rate("pages", 3)

    async def serve() -> None:
        page = sync_to_async(stores.admit, thread_sensitive=True)
        admitted = [(await page([(rate, "alice")])).is_admitted for _ in range(5)]
        assert admitted == [True] * 3 + [False] * 2
        together = stores.shared()
        assert together is not None
        await together.close()

    try:
        asyncio.run(serve())
    finally:
        stores.shared.cache_clear()
