"""Shares of the recorder: memory is bounded, and no sort of callers fills the share of another."""

import asyncio
import threading
from datetime import UTC, datetime
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from chatflows.calls import recorder as module
from chatflows.calls.recorder import CallRecord, Recorder
from chatflows.predictions.turns import Turn
from tests.chatflows.calls.test_recorder import Sink, record, run

pytestmark = pytest.mark.fast


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLUSH_AFTER", 0)


WITH_KEY = record(1)._replace(key_id=UUID(int=3))
WITHOUT_KEY = record(1)
REFUSED = record(1)._replace(allowed=False)
REFUSED_WITH_KEY = WITH_KEY._replace(allowed=False)


@pytest.mark.parametrize(
    ("sort", "full_at", "most"),
    [(WITH_KEY, 40, 80), (WITHOUT_KEY, 20, 40), (REFUSED, None, 10), (REFUSED_WITH_KEY, None, 10)],
)
def test_memory_stays_flat_when_nothing_can_be_written(
    monkeypatch: pytest.MonkeyPatch, sort: CallRecord, full_at: int | None, most: int
) -> None:
    """Answers that run while a share is full may still end; no sort fills the share of another."""
    monkeypatch.setattr(module, "MAX_WAITING", 40 * module.RECORD_BYTES)

    async def story() -> None:
        keeper = Recorder(Sink().write)
        fullness = []
        for _ in range(100):
            fullness.append(is_full(keeper, sort))
            keeper.put(sort)
        assert (fullness.index(True) if any(fullness) else None) == full_at
        assert (len(keeper._waiting), keeper._dropped) == (most, 100 - most)
        others = [other for other in (WITH_KEY, WITHOUT_KEY) if other is not sort]
        assert not any(is_full(keeper, other) for other in others)
        for other in others:
            keeper.put(other)
        assert len(keeper._waiting) == most + len(others)
        await keeper.close()

    run(story)


def test_what_was_dropped_is_told_even_if_nothing_can_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 40 * module.RECORD_BYTES)
    monkeypatch.setattr(module, "CLOSE_WITHIN", 0.01)
    go_on = threading.Event()

    def stand(batch: list[CallRecord]) -> None:
        go_on.wait(5)  # ten of them are in hand

    async def story() -> None:
        keeper = Recorder(stand)
        for _ in range(12):
            keeper.put(REFUSED)
        keeper.start()
        with capture_logs() as logs:
            await keeper.close()
        go_on.set()
        assert [(line["event"], line["count"]) for line in logs] == [("records lost", 2)]

    run(story)


@pytest.mark.parametrize("letter", ["a", "\u0436", "\U0001f600"])
def test_texts_count_by_their_bytes_in_memory(letter: str) -> None:
    keeper = Recorder(Sink().write)
    count = 0
    while not is_full(keeper, WITHOUT_KEY):
        keeper.put(long_record(letter))
        count += 1
    bytes_each = len(letter.encode("utf-16-le")) if letter > "\uffff" else 1 + (letter > "\xff")
    assert count == pytest.approx(module.MAX_WAITING / 2 / (40_000 * bytes_each), rel=0.1)


def test_a_full_recorder_has_room_once_it_has_written() -> None:
    sink = Sink(failures=2)

    async def story() -> None:
        keeper = Recorder(sink.write)
        keeper.start()
        for sort in (WITH_KEY, WITHOUT_KEY):
            while not is_full(keeper, sort):
                keeper.put(sort._replace(turn=long_record("a").turn))
        for _ in range(10**5):
            keeper.put(REFUSED)
        while is_full(keeper, WITH_KEY) or is_full(keeper, WITHOUT_KEY):
            await asyncio.sleep(0)
        await keeper.close()
        for share in (keeper._with_key, keeper._without_key, keeper._refused):
            assert share._held == 0

    run(story)


def is_full(keeper: Recorder, sort: CallRecord) -> bool:
    return sort.allowed and keeper.is_full(has_key=sort.key_id is not None)


def long_record(letter: str) -> CallRecord:
    turn = Turn(
        message_id=str(UUID(int=2)),
        at=datetime.now(UTC),
        chatflow_id=UUID(int=1),
        caller="",
        chat_id="c",
        question=letter * 20_000,
        answer=letter * 20_000,
        is_complete=True,
    )
    return record(1)._replace(turn=turn)
