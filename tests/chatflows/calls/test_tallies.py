"""Tallies know what the database says and what this process let in since, at any hour."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from accounts.bounds import Measure
from chatflows.calls.tallies import STALE_AFTER, Name, Tallies, Tally, Written

pytestmark = pytest.mark.fast

KEY = uuid4()
LATE = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC).timestamp()


def tallies(counts: dict[Name, int]) -> Tallies:
    async def read(subjects: Sequence[UUID], periods: Sequence[str]) -> Mapping[Name, int]:
        return {n: c for n, c in counts.items() if n[0] in subjects and n[1] in periods}

    return Tallies(read)


def begun(mine: Tallies, measure: Measure, at: float) -> Tally:
    """A tally that was read at a moment."""
    tally = mine.of(KEY, measure)
    tally.turn_to(at)
    asyncio.run(mine.refresh([tally]))
    return tally


def test_a_tally_adds_what_the_process_let_in_to_what_the_database_says() -> None:
    mine = tallies({(KEY, "2026-11-30"): 7, (KEY, "2026-11"): 70})
    day, month = (begun(mine, each, LATE) for each in (Measure.DAY, Measure.MONTH))
    assert (day.taken, month.taken) == (7, 70)
    day.unwritten += 3
    mine.note_written(Written({(KEY, "2026-11-30"): 2}, {(KEY, "2026-11-30"): 9}))
    assert (day.seen, day.taken) == (9, 10)


def test_a_batch_that_could_not_be_read_back_is_not_counted_twice() -> None:
    mine = tallies({})
    day = begun(mine, Measure.DAY, LATE)
    day.unwritten += 5
    mine.note_written(Written({(KEY, "2026-11-30"): 3}, None))
    assert day.taken == 5
    mine.note_written(Written({(KEY, "2026-11-30"): 1}, {(KEY, "2026-11-30"): 4}))
    assert day.taken == 5


def test_a_new_day_and_a_new_month_begin_at_midnight_utc() -> None:
    mine = tallies({(KEY, "2026-11-30"): 7, (KEY, "2026-11"): 70, (KEY, "2026-12"): 1})
    day, month = (begun(mine, each, LATE) for each in (Measure.DAY, Measure.MONTH))
    day.unwritten = month.unwritten = 2
    now = day.read_at
    for tally in (day, month):
        assert not tally.is_stale(LATE, now)
        assert tally.is_stale(LATE + 1, now)
        tally.turn_to(LATE + 1)
    assert (day.name, month.name) == ((KEY, "2026-12-01"), (KEY, "2026-12"))
    asyncio.run(mine.refresh([day, month]))
    assert (day.taken, month.taken) == (0, 1)
    # What was let in before midnight and is written after it belongs to the old day.
    mine.note_written(Written({(KEY, "2026-11-30"): 2}, {(KEY, "2026-11-30"): 9}))
    assert day.taken == 0


def test_a_clock_that_ran_back_is_in_the_day_that_it_says() -> None:
    mine = tallies({(KEY, "2026-11-30"): 7})
    day = begun(mine, Measure.DAY, LATE + 1)
    assert day.is_stale(LATE, day.read_at)
    day.turn_to(LATE)
    asyncio.run(mine.refresh([day]))
    assert day.taken == 7


def test_what_other_processes_let_in_is_read_again_soon() -> None:
    counts = {(KEY, "2026-11-30"): 7}
    mine = tallies(counts)
    day = begun(mine, Measure.DAY, LATE)
    counts[KEY, "2026-11-30"] = 50
    assert day.is_stale(LATE, day.read_at + STALE_AFTER)
    asyncio.run(mine.refresh([day]))
    assert day.taken == 50


def test_unused_tallies_go_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatflows.calls.tallies.MAX_HELD", 2)
    mine = tallies({})
    used, unused = mine.of(KEY, Measure.DAY), mine.of(KEY, Measure.MONTH)
    used.unwritten = 1
    before = mine.generation
    mine.of(uuid4(), Measure.DAY)
    assert mine.generation > before
    assert mine.of(KEY, Measure.DAY) is used
    assert mine.of(KEY, Measure.MONTH) is not unused


def test_tallies_in_use_are_not_all_looked_at_again_for_each_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chatflows.calls.tallies.MAX_HELD", 2)
    mine = tallies({})
    for _ in range(64):
        mine.of(uuid4(), Measure.DAY).unwritten = 1
    assert mine.generation == 5  # at 2, 4, 8, 16 and 32
