"""The recorder: what the gate learns is written in batches by a thread; no answer waits for it."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import structlog

from chatflows.predictions.turns import Turn

log = structlog.get_logger("flowlatch.recorder")

FLUSH_AFTER = 0.5  # seconds: what came in the meantime goes in one transaction
MAX_BATCH = 2000  # records: a commit costs as much as some hundreds of them
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
    upstream_status: int | None = None  # with which the upstream refused


class Recorder:
    """Collects records in the event loop and hands them to `write` in a thread of its own."""

    def __init__(self, write: Callable[[list[CallRecord]], None]) -> None:
        self._write = write
        self._waiting: deque[CallRecord] = deque()
        self._dropped = 0
        self._text = 0  # characters of what waits
        self._is_closing = False
        self._news = asyncio.Event()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recorder")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write; needs a running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def put(self, record: CallRecord) -> None:
        """Take a record. Never waits and never fails."""
        turn = record.turn
        size = len(turn.question) + len(turn.answer) if turn is not None else 0
        if len(self._waiting) >= MAX_WAITING or self._text + size > MAX_WAITING_TEXT:
            self._dropped += 1
            return
        self._text += size
        self._waiting.append(record)
        if not self._news.is_set():
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
        turns = [record.turn for record in batch if record.turn is not None]
        self._text -= sum(len(turn.question) + len(turn.answer) for turn in turns)
        if self._dropped:
            log.warning("records dropped", count=self._dropped)
            self._dropped = 0
        return True
