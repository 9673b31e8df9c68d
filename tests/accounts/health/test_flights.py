"""Flights: one asks for all, the answer is kept, and who can't wait gets what is known."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from accounts.health import flights
from accounts.health.flights import Flight

pytestmark = pytest.mark.fast

PATIENCE = 10.0  # seconds
Note = Callable[[str], None]


def test_one_asks_for_all_and_the_answer_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def ask(note: Note) -> str:
        asked.append(1)
        return f"answer {len(asked)}"

    async def main() -> None:
        flight = Flight(ask, "nothing")
        results = await asyncio.gather(*(flight.result(PATIENCE) for _ in range(20)))
        assert {*results, await flight.result(PATIENCE)} == {"answer 1"}
        monkeypatch.setattr(flights, "LASTS", 0.0)
        assert await flight.result(PATIENCE) == "answer 2"

    asyncio.run(main())


def test_who_cannot_wait_gets_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    noted, end = threading.Event(), threading.Event()

    def ask(note: Note) -> str:
        note("a part")
        noted.set()
        assert end.wait(PATIENCE)
        return "all"

    async def main() -> None:
        flight = Flight(ask, "nothing")
        await flight.result(0)
        await asyncio.to_thread(noted.wait, PATIENCE)
        assert await flight.result(0) == "a part"
        end.set()
        assert await flight.result(PATIENCE) == "all"

    asyncio.run(main())


def test_a_thread_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    end, asked = threading.Event(), []

    def ask(note: Note) -> str:
        asked.append(1)
        if len(asked) == 1:
            assert end.wait(PATIENCE)
            return "late"
        return "in time"

    async def main() -> None:
        flight = Flight(ask, "nothing")
        assert await flight.result(0) == "nothing"
        monkeypatch.setattr(flights, "GIVEN_UP_AFTER", 0.0)
        assert await flight.result(PATIENCE) == "in time"
        end.set()
        assert await flight.result(PATIENCE) == "in time"

    asyncio.run(main())


def test_a_failure_is_the_answer_at_first() -> None:
    def ask(note: Note) -> str:
        raise OSError("canary")

    assert asyncio.run(Flight(ask, "nothing").result(PATIENCE)) == "nothing"
