"""Asking: a person's question without a key, in the playground or a hosted chat, and its record."""

import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog
from asgiref.sync import sync_to_async
from django.db import DatabaseError
from django.utils import timezone

from accounts.outages import Unavailable
from chatflows import predictions
from chatflows.calls import store
from chatflows.calls.recorder import CallRecord
from chatflows.engines import Event, Failed, Question
from chatflows.engines.configs import DEFAULT_MEMORY_TURNS
from chatflows.engines.faq import Entry
from chatflows.engines.pool import EnginePool
from chatflows.engines.sources import EngineRef, EngineSource
from chatflows.models import Chatflow, Message, UpstreamSecret
from chatflows.predictions import conversations, watching
from chatflows.predictions.prediction import Prediction
from chatflows.predictions.turns import Turn
from chatflows.predictions.watching import Holds

log = structlog.get_logger("flowlatch.asking")

SHOWN_TURNS = 50
TOO_MANY = Failed(
    429, "too_many_streams", "Too many answers run at once. Wait for one to end, or stop it."
)


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


class Streams:
    """How many answers run at once in this process, in all and for each asker."""

    def __init__(self, *, in_all: int, each: int) -> None:
        self._in_all, self._each = in_all, each
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()

    def are_full(self, caller: str) -> bool:
        """Whether one more is too many."""
        return self._running[caller] >= self._each or self._running.total() >= self._in_all

    @contextmanager
    def one_more(self, caller: str) -> Iterator[bool]:
        """Count one; False if it is too many."""
        with self._lock:
            fits = not self.are_full(caller)
            self._running[caller] += fits
        try:
            yield fits
        finally:
            with self._lock:
                self._running[caller] -= fits
                self._running += Counter()  # lets go of askers with none


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
            chatflow.engine_config.get("memory_turns", DEFAULT_MEMORY_TURNS),
        ),
    )
    return Asking(chatflow, asker, Prediction(asked))


def turns(chatflow: Chatflow, asker: Asker, chat_id: str) -> list[Message]:
    """What was said in this conversation, oldest first."""
    mine = Message.objects.filter(
        conversation__chatflow=chatflow,
        conversation__caller=asker.caller,
        conversation__chat_id=chat_id,
    )
    return list(reversed(mine.order_by("-at")[:SHOWN_TURNS]))


async def answer(asking: Asking, streams: Streams, holds: Holds) -> AsyncGenerator[Event, None]:
    """The engine's events to the end or until the reader leaves; then the record.

    It ends within two seconds of `holds` saying no.
    """
    with streams.one_more(asking.asker.caller) as fits:
        if not fits:
            yield TOO_MANY
            return
        events = watching.while_it_holds(_events(asking), holds, asking.prediction)
        try:
            async with aclosing(events):
                async for event in events:
                    yield event
        finally:
            await sync_to_async(_record)(asking)


async def _events(asking: Asking) -> AsyncGenerator[Event, None]:
    # A pool for one question: what it opens is closed with the answer.
    chatflow, pool = asking.chatflow, EnginePool(_Sources())
    try:
        engine = await pool.get(chatflow.id, EngineRef(chatflow.engine, chatflow.engine_version))
        async with aclosing(predictions.run(asking.prediction, engine)) as events:
            async for event in events:
                yield event
    except Unavailable:
        failure = Failed(503, "unavailable", "The engine can't be read now. Try again.")
        asking.prediction.note(failure)
        yield failure
    finally:
        await pool.close()


def _record(asking: Asking) -> None:
    """The call as this asker's, and the turn in the asker's conversation."""
    asked, asker = asking.prediction, asking.asker
    failure = asked.failure
    code = failure.code if failure else "ok" if asked.is_complete else "client_gone"
    turn = Turn(
        message_id=asked.message_id,
        at=asking.at,
        chatflow_id=asking.chatflow.id,
        caller=asker.caller,
        chat_id=asked.chat_id,
        question=asked.question,
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
        status=failure.status if failure else 200,
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


class _Sources:
    """Reads what an engine is made from by the ORM."""

    async def engine_source(self, chatflow_id: UUID) -> EngineSource:
        """Raises Unavailable if the chatflow is gone."""
        return await sync_to_async(self._read)(chatflow_id)

    def _read(self, chatflow_id: UUID) -> EngineSource:
        chatflow = Chatflow.objects.filter(pk=chatflow_id).first()
        if chatflow is None:
            raise Unavailable("the chatflow is gone")
        entries = chatflow.faq_entries.values_list("question", "answer")
        secret = UpstreamSecret.objects.filter(chatflow=chatflow).first()
        return EngineSource(
            team_id=chatflow.team_id,
            engine=chatflow.engine,
            config=chatflow.engine_config,
            fallback=chatflow.fallback,
            entries=tuple(Entry(question, answer) for question, answer in entries),
            secret_origin=secret.origin if secret else "",
            secret=bytes(secret.ciphertext) if secret else b"",
            key_version=secret.key_version if secret else 0,
        )
