"""The recorder: every record is written once, whatever fails in between, and memory stays flat."""

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest

from chatflows.calls import recorder as module
from chatflows.calls.recorder import CallRecord, Recorder
from chatflows.predictions.turns import Turn

pytestmark = pytest.mark.fast


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLUSH_AFTER", 0)


def record(number: int) -> CallRecord:
    return CallRecord(
        at=datetime.now(UTC),
        chatflow_id=UUID(int=1),
        team_id=None,
        key_id=None,
        key_name="",
        public_id="",
        allowed=True,
        status=number,
        code="ok",
        reason="ok",
        client_address="",
        duration_ms=0,
        streamed=False,
        request_id="",
    )


class Sink:
    """What is written, after some failures."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.written: list[int] = []
        self.batches: list[int] = []  # their lengths
        self.tries = 0

    def write(self, batch: list[CallRecord]) -> None:
        """Fail as often as told, then keep."""
        self.tries += 1
        if self.tries <= self.failures:
            raise OSError
        self.written += [one.status for one in batch]
        self.batches.append(len(batch))


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await story()

    asyncio.run(bounded())
    gc.collect()  # an exception that nobody retrieved is told here, not inside another test


@pytest.mark.parametrize("failures", [0, 1, 3])
def test_each_record_is_written_once_and_in_order(failures: int) -> None:
    sink = Sink(failures)

    async def story() -> None:
        keeper = Recorder(sink.write)
        keeper.start()
        for number in range(1200):
            keeper.put(record(number))
        while len(sink.written) < 1200:
            await asyncio.sleep(0)
        await keeper.close()

    run(story)
    assert sink.written == list(range(1200))


class Turns:
    """Stands in for `asyncio.sleep`: the recorder asks for its next turn, and the test gives it."""

    def __init__(self) -> None:
        self._asked = asyncio.Semaphore(0)
        self._given = asyncio.Semaphore(0)

    async def sleep(self, _: float) -> None:
        """See asyncio."""
        self._asked.release()
        await self._given.acquire()

    async def give(self) -> None:
        """Give it a turn, and wait until it asks for the next one."""
        self._given.release()
        await self._asked.acquire()

    async def asked(self) -> None:
        """Wait until it asks for its first turn."""
        await self._asked.acquire()

    def end(self) -> None:
        """Hold the recorder up no longer."""
        for _ in range(100):
            self._given.release()


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    turns = Turns()
    monkeypatch.setattr(asyncio, "sleep", turns.sleep)
    return turns


def test_what_comes_while_a_batch_is_written_waits_for_the_next_turn(turns: Turns) -> None:
    """Else a busy server writes all the time, a few records in each transaction."""
    sink = Sink()

    async def story() -> None:
        loop = asyncio.get_running_loop()

        async def meanwhile() -> None:
            keeper.put(record(len(sink.written)))

        def write(batch: list[CallRecord]) -> None:
            sink.write(batch)
            if len(sink.batches) <= 3:  # or closing would never end
                asyncio.run_coroutine_threadsafe(meanwhile(), loop).result()

        keeper = Recorder(write)
        keeper.start()
        keeper.put(record(0))
        await turns.asked()
        for turn in (1, 2, 3):
            await turns.give()
            assert sink.batches == [1] * turn
        turns.end()
        await keeper.close()

    run(story)
    assert sink.batches == [1] * 4


def test_a_whole_batch_does_not_wait(turns: Turns) -> None:
    sink = Sink()

    async def story() -> None:
        keeper = Recorder(sink.write)
        keeper.start()
        for number in range(2 * module.MAX_BATCH + 1):
            keeper.put(record(number))
        await turns.asked()
        await turns.give()
        assert sink.batches == [module.MAX_BATCH, module.MAX_BATCH]
        turns.end()
        await keeper.close()

    run(story)
    assert sink.batches == [module.MAX_BATCH, module.MAX_BATCH, 1]


def test_what_was_asked_and_said_shows_in_no_repr() -> None:
    turn = Turn(
        message_id=str(UUID(int=2)),
        at=datetime.now(UTC),
        chatflow_id=UUID(int=1),
        caller="",
        chat_id="c",
        question="a secret question",
        answer="a secret answer",
        is_complete=True,
    )
    waiting = record(1)._replace(turn=turn)
    assert "secret" not in f"{turn!r} {waiting!r}"


def test_closing_writes_what_is_left() -> None:
    sink = Sink()

    async def story() -> None:
        keeper = Recorder(sink.write)
        keeper.start()
        for number in range(700):
            keeper.put(record(number))
        await keeper.close()

    run(story)
    assert sink.written == list(range(700))


def test_closing_with_the_database_away_ends() -> None:
    sink = Sink(failures=1000)

    async def story() -> None:
        keeper = Recorder(sink.write)
        keeper.put(record(1))
        await keeper.close()

    run(story)
    assert sink.written == []


def test_closing_while_a_batch_is_written_writes_it_once() -> None:
    sink, entered, go_on = Sink(), threading.Event(), threading.Event()

    def slow(batch: list[CallRecord]) -> None:
        entered.set()
        go_on.wait(5)
        sink.write(batch)

    run(lambda: _close_during(slow, entered, go_on))
    assert sink.written == [1]


def test_closing_while_a_batch_fails_writes_it_again() -> None:
    sink, entered, go_on = Sink(failures=1), threading.Event(), threading.Event()

    def slow(batch: list[CallRecord]) -> None:
        entered.set()
        go_on.wait(5)
        sink.write(batch)

    run(lambda: _close_during(slow, entered, go_on))
    assert sink.written == [1]


async def _close_during(
    write: Callable[[list[CallRecord]], None], entered: threading.Event, go_on: threading.Event
) -> None:
    keeper = Recorder(write)
    keeper.start()
    keeper.put(record(1))
    while not entered.is_set():
        await asyncio.sleep(0)
    closing = asyncio.ensure_future(keeper.close())
    await asyncio.sleep(0)
    go_on.set()
    await closing
    keeper._executor.shutdown(wait=True)


def test_calls_with_publishable_keys_crowd_out_none_with_a_secret_one() -> None:
    recorder = Recorder(lambda batch: None)
    with_key = record(200)._replace(key_id=UUID(int=7))
    for _ in range(module.MAX_WAITING // module.RECORD_BYTES + 1):
        recorder.put(with_key._replace(is_publishable=True))
    assert recorder.is_full(has_key=False)
    assert not recorder.is_full(has_key=True)
