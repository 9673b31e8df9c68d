"""The recorder: what the gate learns is written in batches by a thread; no answer waits for it."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import structlog

from chatflows.predictions.turns import Turn

log = structlog.get_logger("flowlatch.recorder")

FLUSH_AFTER = 0.25  # seconds: what came in the meantime goes in one transaction
MAX_BATCH = 500  # records
# Beyond these, new records are dropped and counted: memory stays flat while the database is away.
MAX_WAITING = 20_000  # records
MAX_WAITING_TEXT = 32 * 1024 * 1024  # characters of their questions and answers
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


@dataclass(slots=True)
class Packed:
    """A record in the form in which it waits: texts that the database takes, and one log line."""

    call: str
    turn: str = field(repr=False)  # empty if there was none
    line: str
    use: tuple[UUID, datetime] | None  # of a key
    unanswered: Turn | None

    @property
    def size(self) -> int:
        """Characters of what was asked and said."""
        return len(self.turn)


class Recorder:
    """Collects records in the event loop and hands them to `write` in a thread of its own.

    `pack` runs in the loop: the thread is to hold the interpreter as little as it can.
    """

    def __init__(
        self, pack: Callable[[CallRecord], Packed], write: Callable[[list[Packed]], None]
    ) -> None:
        self._pack = pack
        self._write = write
        self._waiting: deque[Packed] = deque()
        self._dropped = 0
        self._text = 0
        self._is_closing = False
        self._news = asyncio.Event()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recorder")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write; needs a running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def put(self, record: CallRecord) -> None:
        """Take a record. Never waits and never fails."""
        if len(self._waiting) >= MAX_WAITING:
            self._dropped += 1
            return
        packed = self._pack(record)
        if self._text + packed.size > MAX_WAITING_TEXT:
            self._dropped += 1
            return
        self._waiting.append(packed)
        self._text += packed.size
        self._news.set()

    async def close(self) -> None:
        """Write what is left, for at most CLOSE_WITHIN seconds."""
        if self._task is not None:
            self._is_closing = True
            self._news.set()
            _, late = await asyncio.wait([self._task], timeout=CLOSE_WITHIN)
            if late:
                self._task.cancel()
                log.warning("records lost", count=len(self._waiting))
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
        try:
            await asyncio.get_running_loop().run_in_executor(self._executor, self._write, batch)
        except Exception as error:
            log.warning("records not written yet", count=len(batch), error=type(error).__name__)
            self._waiting.extendleft(reversed(batch))
            return False
        self._text -= sum(each.size for each in batch)
        if self._dropped:
            log.warning("records dropped", count=self._dropped)
            self._dropped = 0
        return True
