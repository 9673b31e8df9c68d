"""Running answers: the one registry of the answers that this process is giving, and its watchers.

The promise: an answer ends within two seconds after the right to it ended, its caller stopped it,
or its client left. The registry holds no right: every re-check reads the facts anew.
"""

import asyncio
import ctypes
import time
from collections import Counter
from collections.abc import AsyncGenerator, Coroutine, Hashable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from contextvars import Context
from enum import Enum
from typing import Any, Protocol
from uuid import UUID

import structlog

from chatflows import predictions
from chatflows.access import codes
from chatflows.access.codes import Refused
from chatflows.engines import Event, Heartbeat
from chatflows.engines.alarms import Alarm

log = structlog.get_logger("flowlatch.running")

EVERY = 1.0  # seconds between two re-checks
# Seconds of silence after which a stream says a comment: at first, with its head, and from then on.
FIRST_COMMENT, COMMENTS_EVERY = 10.0, 15.0
MAX_MISSES = 2  # failed re-checks in a row
GIVEN_BACK_AFTER = 2.0  # seconds after a group's last answer; by then its turn is written too
_libc = ctypes.CDLL(None)
# Whom an answer counts for (a key, an address), and how many answers each may have at once.
Bounds = Mapping[Hashable, int]
UNCHECKED = Refused(codes.UNAVAILABLE)  # what a re-check that failed notes: a miss


class Ending(Enum):
    """Why an answer was ended from outside without a refusal."""

    GONE = "client_gone"
    ABORTED = "aborted"


class AbortNotes(Protocol):
    """Tells the other processes that a conversation's answers are to end.

    Each process looks once a second.
    """

    async def note(self, thread_id: UUID) -> None:
        """Commit a note before returning. Raises Unavailable."""


class RunningAnswer:
    """One running answer: whom it counts for, its conversation, and how to end it."""

    def __init__(
        self, group: "Group", bounds: Bounds, chatflow_id: UUID, caller: str, chat_id: str = ""
    ) -> None:
        """Make an answer for the registry.

        `caller` owns the conversation. `chat_id` may be set later, once the
        question was read.
        """
        self.group = group
        self.bounds = bounds
        self.chatflow_id = chatflow_id
        self.caller = caller
        self.chat_id = chat_id
        self.began = time.monotonic()
        self.misses = 0
        self.ending: Ending | Refused | None = None
        self._task: asyncio.Future[Any] | None = None
        self._thread_id = ""

    @property
    def thread_id(self) -> str:
        """The conversation as other processes name it; empty until the question was read."""
        if not self._thread_id and self.chat_id:
            self._thread_id = predictions.thread_id(self.chatflow_id, self.caller, self.chat_id)
        return self._thread_id

    @contextmanager
    def running(self, task: "asyncio.Future[Any]") -> Iterator[None]:
        """Let `end` cancel `task` inside the block."""
        self._task = task
        try:
            yield
        finally:
            self._task = None

    @contextmanager
    def ending_with(self, client_leaves: Coroutine[Any, Any, None]) -> Iterator[None]:
        """End with GONE when the client leaves, inside the block."""
        gone = asyncio.ensure_future(client_leaves)
        gone.add_done_callback(lambda task: None if task.cancelled() else self.end(Ending.GONE))
        try:
            yield
        finally:
            gone.cancel()

    def end(self, why: Ending | Refused) -> None:
        """Cancel the answer. The first reason counts."""
        if self.ending is None and self._task is not None:
            self.ending = why
            self._task.cancel()

    def note(self, refused: Refused | None) -> None:
        """Take in the result of a re-check: None lets the answer go on.

        A re-check that failed is a miss. Only several misses in a row end an answer.
        """
        is_missed = refused is not None and refused.code.name == codes.UNAVAILABLE.name
        self.misses = self.misses + 1 if is_missed else 0
        if refused is not None and (not is_missed or self.misses >= MAX_MISSES):
            self.end(refused)


class Group(Protocol):
    """Answers that are bounded together and re-checked together."""

    @property
    def in_all(self) -> int:
        """The number of answers that may run at once."""

    async def recheck(self, answers: Sequence[RunningAnswer]) -> None:
        """Read the rights to these answers anew, and note the result in each answer."""


class RunningAnswers:
    """The registry of one process. Only `is_full` may be called outside its event loop."""

    def __init__(self) -> None:
        self._running: dict[Group, set[RunningAnswer]] = {}
        self._held: Counter[tuple[Group, Hashable]] = Counter()
        # One for each group: a re-check that waits for a slow database holds up no other group.
        self._watchers: dict[Group, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._running.values()))

    def enter(self, answer: RunningAnswer) -> bool:
        """Take an answer in, and return whether there was room. If so, `leave` must follow."""
        group = answer.group
        if self.is_full(group, answer.bounds):
            return False
        self._running.setdefault(group, set()).add(answer)
        for holder in answer.bounds:
            self._held[group, holder] += 1
        loop, watcher = asyncio.get_running_loop(), self._watchers.get(group)
        if watcher is None or watcher.get_loop() is not loop:
            # Of the context of the request that comes first nothing may be kept: its thread ends.
            self._watchers[group] = loop.create_task(self._watch(group), context=Context())
        return True

    def leave(self, answer: RunningAnswer) -> None:
        """Remove an answer that `enter` took in."""
        mine = self._running[answer.group]
        mine.remove(answer)
        if not mine:
            del self._running[answer.group]
        for holder in answer.bounds:
            self._held[answer.group, holder] -= 1
            if not self._held[answer.group, holder]:
                del self._held[answer.group, holder]

    def is_full(self, group: Group, bounds: Bounds) -> bool:
        """Whether one more answer within these bounds would be too many."""
        if len(self._running.get(group, ())) >= group.in_all:
            return True
        return any(self._held[group, holder] >= most for holder, most in bounds.items())

    def count(self, holder: Hashable) -> int:
        """Return how many answers run for a holder, in this process. For any thread."""
        held = [*self._held.items()]
        return sum(count for (_, of), count in held if of == holder)

    def abort(self, group: Group, chatflow_id: UUID, caller: str, chat_id: str) -> bool:
        """End a caller's own answers in one conversation, and return whether there were any."""
        name = (chatflow_id, caller, chat_id)
        mine = self._running.get(group, set())
        found = [a for a in mine if (a.chatflow_id, a.caller, a.chat_id) == name]
        for answer in found:
            answer.end(Ending.ABORTED)
        return bool(found)

    def end_all(self, why: Refused) -> int:
        """End every answer, and return how many there were."""
        answers = [answer for group in self._running.values() for answer in group]
        for answer in answers:
            answer.end(why)
        return len(answers)

    async def _watch(self, group: Group) -> None:
        try:
            while self._running.get(group):
                await asyncio.sleep(EVERY)
                if answers := [*self._running.get(group, ())]:
                    await _recheck(group, answers)
        finally:
            if self._watchers.get(group) is asyncio.current_task():
                del self._watchers[group]
            asyncio.get_running_loop().call_later(GIVEN_BACK_AFTER, _give_memory_back)


def _give_memory_back() -> None:
    """Return freed memory to the system: glibc keeps it, scattered as many answers left it."""
    trim = getattr(_libc, "malloc_trim", None)  # musl and macOS have none
    if trim is not None:
        trim(0)


async def _recheck(group: Group, answers: Sequence[RunningAnswer]) -> None:
    try:
        await group.recheck(answers)
    except Exception as error:
        log.exception("answers not re-checked", error=type(error).__name__)
        for answer in answers:  # a right that nobody could check does not last
            answer.note(UNCHECKED)


registry = RunningAnswers()  # of this process


async def while_allowed(
    events: AsyncGenerator[Event, None], answer: RunningAnswer
) -> AsyncGenerator[Event, None]:
    """Yield events until they end, or `answer` is ended from outside (see `answer.ending`).

    A silence is yielded as Heartbeat.
    """
    queue: asyncio.Queue[Event | None] = asyncio.Queue()
    pump = asyncio.ensure_future(_pump(events, queue))
    pump.add_done_callback(lambda _: queue.put_nowait(None))
    try:
        with answer.running(pump):
            async for event in _with_heartbeats(queue):
                yield event
        if answer.ending is None:
            await pump  # raises what the task raised
    finally:
        pump.cancel()
        await asyncio.wait({pump})


async def _with_heartbeats(queue: "asyncio.Queue[Event | None]") -> AsyncGenerator[Event, None]:
    alarm, patience = Alarm(), FIRST_COMMENT
    time_of = asyncio.get_running_loop().time
    try:
        while True:
            try:
                event = await alarm.wait(queue.get(), time_of() + patience)
            except TimeoutError:
                yield Heartbeat()
            else:
                if event is None:
                    return
                yield event
                queue.task_done()
            patience = COMMENTS_EVERY
    finally:
        alarm.close()


async def _pump(events: AsyncGenerator[Event, None], queue: "asyncio.Queue[Event | None]") -> None:
    # Its own task: it can be cancelled while nobody waits for the next event.
    async with aclosing(events):
        async for event in events:
            queue.put_nowait(event)
            await queue.join()  # the prediction must not get ahead of what was passed on
