"""The recorder: what the gate learns is written in batches by a thread; no answer waits for it."""

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import structlog

from apikeys.credentials import Renewal
from chatflows.predictions.turns import Turn

log = structlog.get_logger("flowlatch.recorder")

Answer = TypeVar("Answer")
Written = TypeVar("Written")

FLUSH_AFTER = 0.5  # seconds: what came in the meantime goes in one transaction
MAX_BATCH = 2000  # records: a commit costs as much as some hundreds of them
# Beyond so much of calls with a key that were let in, the gate lets in no more: what happened would
# be lost. Callers without a secret key fill shares of their own, so that they shut out nobody who
# has one.
MAX_WAITING = 32 * 1024 * 1024  # bytes, of about 20,000 records without long texts
RECORD_BYTES = 1536  # of a record in memory, but for its question and answer
CLOSE_WITHIN = 5  # seconds to write the rest when the process ends


class CallRecord(NamedTuple):
    """One call as it ended. `team_id` is None where only the chatflow can tell the team."""

    at: datetime
    chatflow_id: UUID
    team_id: UUID | None
    key_id: UUID | None
    key_name: str
    public_id: str
    allowed: bool
    status: int
    code: str
    reason: str
    client_address: str
    duration_ms: int
    streamed: bool
    request_id: str
    turn: Turn | None = None
    route: str = "/api/v1/prediction/{id}"
    upstream_status: int | None = None  # with which the upstream refused
    origin: str = ""  # of the web page that called, or empty
    client: str = ""  # the program, as its User-Agent says
    tokens: int = 0  # that the answer took
    cost: int = 0  # of them, in nanos
    reservation: UUID | None = None  # that the call's end settles: see models/usage.py
    is_publishable: bool = False  # with a key that everyone can send
    first_byte_ms: int | None = None  # of a stream; a whole answer's comes with the last
    renewal: Renewal | None = None  # of the stored digest, after a new pepper came into use


class Share:
    """The bytes of waiting records that calls of one sort may take."""

    __slots__ = ("_full_at", "_held", "_most", "is_full")

    def __init__(self, full_at: int, most: int) -> None:
        self._full_at = full_at
        self._most = most
        self._held = 0
        self.is_full = False

    def take(self, size: int) -> bool:
        """Take bytes for a record. Return False if there is no room."""
        held = self._held + size
        if held > self._most:
            return False
        self._held = held
        self.is_full = held >= self._full_at
        return True

    def give_back(self, size: int) -> None:
        """Give bytes back: the record was written."""
        self._held -= size
        self.is_full = self._held >= self._full_at


class Recorder:
    """Collects records in the event loop and hands them to `write` in a thread of its own."""

    def __init__(self, write: Callable[[list[CallRecord]], None]) -> None:
        self._write = write
        # What to do in the thread behind each batch, and with what it returned in the loop.
        self._after: Callable[[list[CallRecord]], Any] = lambda batch: None
        self._then: Callable[[Any], None] = lambda found: None
        self._waiting: deque[CallRecord] = deque()
        self._dropped = 0  # since the log said so
        self._dropped_before = 0
        self._writing = 0  # records
        self.is_failing = False  # the latest batch could not be written
        # Answers that run while their share is full may still end: there is room for as many bytes
        # again. Refused calls wait for no answer, and what is too much of them is only dropped.
        self._with_key = Share(MAX_WAITING, 2 * MAX_WAITING)
        self._without_key = Share(MAX_WAITING // 2, MAX_WAITING)
        self._refused = Share(MAX_WAITING // 4, MAX_WAITING // 4)
        self._is_closing = False
        self._news = asyncio.Event()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recorder")
        self._task: asyncio.Task[None] | None = None

    def is_full(self, *, has_key: bool) -> bool:
        """Whether so many records of such calls wait that the next one's may be lost."""
        return self._with_key.is_full if has_key else self._without_key.is_full

    @property
    def waiting(self) -> int:
        """The records that are not written yet."""
        return len(self._waiting) + self._writing

    @property
    def lost(self) -> int:
        """The records for which there was no room."""
        return self._dropped_before + self._dropped

    def start(self) -> None:
        """Begin to write; needs a running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def put(self, record: CallRecord) -> None:
        """Take a record, or count it as dropped. Never waits and never fails."""
        if not self._share_of(record).take(_size(record)):
            self._dropped += 1
            return
        self._waiting.append(record)
        if not self._news.is_set():
            self._news.set()

    def follow(
        self, after: Callable[[list[CallRecord]], Written], then: Callable[[Written], None]
    ) -> None:
        """Call `after` with each batch in the thread that wrote it, then `then` in the loop."""
        self._after, self._then = after, then

    async def ask(self, task: Callable[[], Answer]) -> Answer:
        """Run a task in the thread that writes, between two batches. Raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, task)

    def run(self, task: Callable[[], None]) -> None:
        """Have the thread that writes run a task between two batches."""
        self._executor.submit(task)

    async def close(self) -> None:
        """Write what is left, for at most CLOSE_WITHIN seconds."""
        if self._task is not None:
            self._is_closing = True
            self._news.set()
            _, late = await asyncio.wait([self._task], timeout=CLOSE_WITHIN)
            if late:
                self._task.cancel()
                log.warning("records lost", count=len(self._waiting) + self._dropped)
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self) -> None:
        while self._waiting or not self._is_closing:
            await self._news.wait()
            await asyncio.sleep(FLUSH_AFTER)
            self._news.clear()
            # Less than a batch waits for the next turn: under load something always comes while one
            # is written, and a transaction for each few records costs more than the answers.
            is_due = bool(self._waiting)
            while is_due and await self._flush():
                is_due = len(self._waiting) >= (1 if self._is_closing else MAX_BATCH)
            if self._waiting:
                self._news.set()

    async def _flush(self) -> bool:
        batch = [self._waiting.popleft() for _ in range(min(MAX_BATCH, len(self._waiting)))]
        self._writing = len(batch)
        try:
            found = await self.ask(lambda: self._write_and_follow(batch))
        except Exception as error:
            log.warning("records not written yet", count=len(batch), error=type(error).__name__)
            self._waiting.extendleft(reversed(batch))
            self.is_failing = True
            return False
        finally:
            self._writing = 0
        self.is_failing = False
        self._then(found)
        for record in batch:
            self._share_of(record).give_back(_size(record))
        if self._dropped:
            log.warning("records dropped", count=self._dropped)
            self._dropped_before += self._dropped
            self._dropped = 0
        return True

    def _write_and_follow(self, batch: list[CallRecord]) -> Any:
        self._write(batch)
        return self._after(batch)

    def _share_of(self, record: CallRecord) -> Share:
        if not record.allowed:
            return self._refused
        is_everyones = record.key_id is None or record.is_publishable
        return self._without_key if is_everyones else self._with_key


def _size(record: CallRecord) -> int:
    turn = record.turn
    if turn is None:
        return RECORD_BYTES
    return RECORD_BYTES + sys.getsizeof(turn.question) + sys.getsizeof(turn.answer)
