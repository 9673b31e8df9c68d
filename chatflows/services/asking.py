"""Asking: a person's question without a key, in the playground or a hosted chat, and its record."""

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog
from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection
from django.utils import timezone

from accounts.outages import Unavailable
from chatflows import predictions
from chatflows.access import codes
from chatflows.access.codes import Refused
from chatflows.calls import store
from chatflows.calls.recorder import CallRecord
from chatflows.engines import Event, Failed, Question
from chatflows.engines.configs import InvalidConfig
from chatflows.engines.pool import LoopPools
from chatflows.engines.sources import EngineRef, EngineSource
from chatflows.models import Chatflow, FaqEntry, Message
from chatflows.predictions import conversations, running
from chatflows.predictions.prediction import Prediction
from chatflows.predictions.running import RunningAnswer
from chatflows.predictions.turns import Turn

log = structlog.get_logger("flowlatch.asking")

SHOWN_TURNS = 50
TOO_MANY = Failed(codes.TOO_MANY_STREAMS)
CLOSED = Failed(codes.CLOSED)

Holds = Callable[[], bool]  # asks the database: in a thread


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, in the place of a key: `caller` owns the conversations, `reason` is recorded."""

    caller: str
    reason: str
    address: str
    request_id: str


@dataclass(slots=True)
class Asking:
    """One question while it is answered."""

    chatflow: Chatflow
    asker: Asker
    prediction: Prediction
    at: datetime = field(default_factory=timezone.now)
    started: float = field(default_factory=time.perf_counter)


class PersonsAnswer(RunningAnswer):
    """An answer that a person gets on a page, for as long as `holds` says yes."""

    def __init__(self, group: "PersonsAnswers", asking: Asking, holds: Holds) -> None:
        caller = asking.asker.caller
        super().__init__(group, caller, asking.chatflow.id, caller, asking.prediction.chat_id)
        self.holds = holds


class PersonsAnswers:
    """A group of the answers that people get on pages (see running.Group)."""

    def __init__(self, *, in_all: int, each: int) -> None:
        self.in_all, self.each = in_all, each

    def are_full(self, caller: str) -> bool:
        """Whether one more answer for this asker is too many."""
        return running.registry.is_full(self, caller)

    async def recheck(self, answers: Sequence[RunningAnswer]) -> None:
        """See Group."""
        mine = [answer for answer in answers if isinstance(answer, PersonsAnswer)]
        found = await sync_to_async(_recheck)([answer.holds for answer in mine])
        for answer, refused in zip(mine, found, strict=True):
            answer.note(refused)


def _recheck(rights: Sequence[Holds]) -> list[Refused | None]:
    try:
        return [_refusal_of(holds) for holds in rights]
    finally:
        if not connection.in_atomic_block:
            connection.close()  # a second between two re-checks: others may have it


def _refusal_of(holds: Holds) -> Refused | None:
    try:
        return None if holds() else Refused(codes.CLOSED)
    except DatabaseError:
        return Refused(codes.UNAVAILABLE)


def begin(chatflow: Chatflow, asker: Asker, question: str, chat_id: str) -> Asking:
    """A question in the asker's own conversation of that id."""
    asked = Question(
        question,
        chat_id,
        thread_id=predictions.thread_id(chatflow.id, asker.caller, chat_id),
        is_streaming=True,
        history=conversations.last_turns(
            chatflow.id,
            asker.caller,
            chat_id,
            _memory_turns(chatflow),
        ),
    )
    return Asking(chatflow, asker, Prediction(asked))


def _memory_turns(chatflow: Chatflow) -> int:
    """How many earlier turns the chatflow's engine is shown."""
    try:
        config = chatflow.kind.load(chatflow.engine_config)
    except InvalidConfig:
        return 0  # nothing will answer
    return config.memory_turns if chatflow.kind.remembers else 0


def turns(chatflow: Chatflow, asker: Asker, chat_id: str) -> list[Message]:
    """What was said in this conversation, oldest first."""
    mine = Message.objects.filter(
        conversation__chatflow=chatflow,
        conversation__caller=asker.caller,
        conversation__chat_id=chat_id,
    )
    return list(reversed(mine.order_by("-at")[:SHOWN_TURNS]))


async def answer(
    asking: Asking, group: PersonsAnswers, holds: Holds
) -> AsyncGenerator[Event, None]:
    """Yield the engine's events to the end or until the reader leaves; then record the call.

    It ends within two seconds of `holds` saying no.
    """
    mine = PersonsAnswer(group, asking, holds)
    if not running.registry.enter(mine):
        yield TOO_MANY
        return
    try:
        async with aclosing(running.while_allowed(_events(asking), mine)) as events:
            async for event in events:
                yield event
        if mine.ending is not None:
            asking.prediction.note(CLOSED)
            yield CLOSED
    finally:
        running.registry.leave(mine)
        await sync_to_async(_record)(asking)


async def _events(asking: Asking) -> AsyncGenerator[Event, None]:
    chatflow, pool = asking.chatflow, await _pools.get()
    try:
        engine = await pool.get(chatflow.id, EngineRef(chatflow.engine, chatflow.engine_version))
        async with aclosing(predictions.run(asking.prediction, engine)) as events:
            async for event in events:
                yield event
    except Unavailable:
        failure = Failed(codes.UNAVAILABLE, "The engine can't be read now. Try again.")
        asking.prediction.note(failure)
        yield failure


def _record(asking: Asking) -> None:
    """The call as this asker's, and the turn in the asker's conversation."""
    asked, asker = asking.prediction, asking.asker
    failure = asked.failure
    code = failure.code.name if failure else codes.OK if asked.is_complete else codes.CLIENT_GONE
    turn = Turn(
        message_id=asked.message_id,
        at=asking.at,
        chatflow_id=asking.chatflow.id,
        caller=asker.caller,
        chat_id=asked.chat_id,
        question=asked.question.text,
        answer=asked.text,
        is_complete=asked.is_complete,
        is_answered=asked.is_answered,
    )
    record = CallRecord(
        at=asking.at,
        chatflow_id=asking.chatflow.id,
        team_id=asking.chatflow.team_id,
        key_id=None,
        key_name="",
        public_id="",
        allowed=True,
        status=failure.code.status if failure else 200,
        code=code,
        reason=asker.reason,
        client_address=asker.address,
        duration_ms=round((time.perf_counter() - asking.started) * 1000),
        streamed=True,
        request_id=asker.request_id,
        turn=turn,
    )
    try:
        store.write([record])
    except DatabaseError as error:  # the answer is whole all the same
        log.warning("a question is not recorded", error=type(error).__name__)


_SOURCE = (
    *("team_id", "engine", "engine_config", "fallback"),
    *(f"upstream_secret__{name}" for name in ("origin", "ciphertext", "key_version")),
)


class _Sources:
    """Reads what an engine is made from by the ORM."""

    async def engine_source(self, chatflow_id: UUID) -> EngineSource:
        """Raises Unavailable if the chatflow is gone."""
        return await sync_to_async(self._read)(chatflow_id)

    def _read(self, chatflow_id: UUID) -> EngineSource:
        row = Chatflow.objects.filter(pk=chatflow_id).values_list(*_SOURCE).first()
        if row is None:
            raise Unavailable("the chatflow is gone")
        entries = FaqEntry.objects.filter(chatflow=chatflow_id).order_by("id")
        return EngineSource.of_row(row, entries.values_list("question", "answer"))


_pools = LoopPools(_Sources())
