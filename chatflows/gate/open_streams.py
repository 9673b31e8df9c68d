"""Open streams: the answers that run in this process, bounded, and asked again every second."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings

from accounts.outages import Unavailable
from chatflows import predictions
from chatflows.access.decisions import Decision
from chatflows.gate.readers.facts import AbortReader
from chatflows.gate.requests import GateRequest
from chatflows.gate.verdicts import Round

log = structlog.get_logger("flowlatch.gate")

EVERY = 1.0  # seconds between two askings: an answer ends within two of the revocation
AT_ONCE = 64  # streams asked together; between two lots the loop serves others
MAX_MISSES = 2  # askings in a row that could not be answered

Ask = Callable[[Round], Awaitable[Decision]]


class Ending(Enum):
    """Why an answer was ended from outside, where no decision did it."""

    GONE = "client_gone"
    ABORTED = "aborted"


class OpenStream:
    """One running answer: who has it, and how to end it."""

    def __init__(self, chatflow_id: UUID, caller: str, ask: Ask) -> None:
        self.chatflow_id = chatflow_id
        self.caller = caller
        self.chat_id = ""
        self.began = time.monotonic()
        self.ask = ask
        self.misses = 0
        self.ending: Ending | Decision | None = None
        self._running: asyncio.Future[Any] | None = None
        self._thread_id = ""

    @property
    def holder(self) -> tuple[UUID, str]:
        """Who is counted: the key; on a public chatflow all who come without one."""
        return (UUID(self.caller), "") if self.caller else (self.chatflow_id, "anonymous")

    @property
    def thread_id(self) -> str:
        """The conversation, as other processes name it; empty until the question was read."""
        if not self._thread_id and self.chat_id:
            self._thread_id = predictions.thread_id(self.chatflow_id, self.caller, self.chat_id)
        return self._thread_id

    @contextmanager
    def running(self, answer: "asyncio.Future[Any]") -> Iterator[None]:
        """In here `end` cancels the answer."""
        self._running = answer
        try:
            yield
        finally:
            self._running = None

    @contextmanager
    def watching(self, request: GateRequest) -> Iterator[None]:
        """End with GONE as soon as the client is; enter after the body was read."""
        gone = asyncio.ensure_future(request.gone())
        gone.add_done_callback(lambda task: None if task.cancelled() else self.end(Ending.GONE))
        try:
            yield
        finally:
            gone.cancel()

    def end(self, why: Ending | Decision) -> None:
        """End the answer; the first reason counts."""
        if self.ending is None and self._running is not None:
            self.ending = why
            self._running.cancel()


class OpenStreams:
    """The registry of one process. It holds no right: each asking reads the facts anew."""

    def __init__(self, reader: AbortReader, new_round: Callable[[], Round]) -> None:
        self._reader = reader
        self._new_round = new_round
        self._open: set[OpenStream] = set()
        self._held: Counter[tuple[UUID, str]] = Counter()
        self._watcher: asyncio.Task[None] | None = None

    def enter(self, stream: OpenStream) -> bool:
        """Take a stream in, or say that there is no room; `leave` must follow."""
        if len(self._open) >= settings.MAX_STREAMS:
            return False
        if self._held[stream.holder] >= settings.MAX_STREAMS_PER_KEY:
            return False
        self._open.add(stream)
        self._held[stream.holder] += 1
        if self._watcher is None:
            self._watcher = asyncio.get_running_loop().create_task(self._watch())
        return True

    def leave(self, stream: OpenStream) -> None:
        """Let a stream go."""
        self._open.discard(stream)
        self._held[stream.holder] -= 1
        if self._held[stream.holder] <= 0:
            del self._held[stream.holder]

    def abort(self, chatflow_id: UUID, caller: str, chat_id: str) -> bool:
        """End a caller's own answers in one conversation; whether there were any."""
        name = (chatflow_id, caller, chat_id)
        found = [s for s in self._open if (s.chatflow_id, s.caller, s.chat_id) == name]
        for stream in found:
            stream.end(Ending.ABORTED)
        return bool(found)

    async def _watch(self) -> None:
        try:
            while self._open:
                await asyncio.sleep(EVERY)
                streams = [*self._open]
                await self._end_aborted(streams)
                this_round = self._new_round()
                for start in range(0, len(streams), AT_ONCE):
                    lot = streams[start : start + AT_ONCE]
                    asking = [(each, each.ask(this_round)) for each in lot]  # all have begun
                    for each, decision in asking:
                        await _end_if_refused(each, decision)
                    await asyncio.sleep(0)
        finally:
            self._watcher = None

    async def _end_aborted(self, streams: list[OpenStream]) -> None:
        """End those that were aborted in another process, after they began."""
        now = time.monotonic()
        ages = {each: now - each.began for each in streams if each.thread_id}
        if not ages:
            return
        try:
            aborted = await self._reader.aborts([each.thread_id for each in ages])
        except Unavailable:
            return  # asked again in a second
        except Exception as error:
            log.exception("aborts not asked", error=type(error).__name__)
            return
        for each, age in ages.items():
            if aborted.get(each.thread_id, age) < age:
                each.end(Ending.ABORTED)


async def _end_if_refused(stream: OpenStream, asked: Awaitable[Decision]) -> None:
    try:
        decision = await asked
    except Exception as error:  # one fault must not leave the others unasked
        log.exception("stream not asked again", error=type(error).__name__)
        return
    stream.misses = stream.misses + 1 if decision.status == 503 else 0
    if not decision.allowed and (decision.status != 503 or stream.misses >= MAX_MISSES):
        stream.end(decision)
