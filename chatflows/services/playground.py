"""The playground: a member asks a chatflow in the own session, without a key.

Neither the access mode nor the selected keys are asked: the member's permission is. What is asked
here is recorded as a member's, never as a key's.
"""

import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from uuid import UUID

import structlog
from asgiref.sync import sync_to_async
from django.db import DatabaseError
from django.utils import timezone

from accounts.secrets import Unavailable
from chatflows import predictions
from chatflows.engines import Event, Failed, Question
from chatflows.engines.configs import DEFAULT_MEMORY_TURNS
from chatflows.engines.faq import Entry
from chatflows.gate import frames
from chatflows.gate.engine_pool import EnginePool
from chatflows.gate.facts import AccessReader, EngineRef, EngineSource
from chatflows.gate.recorder import CallRecord, Turn
from chatflows.gate.responses import frame
from chatflows.models import Call, Chatflow, Message, UpstreamSecret
from chatflows.predictions import Prediction
from chatflows.services import calls, conversations

log = structlog.get_logger("flowlatch.playground")

MAX_STREAMS = 50  # at once, in one process
MAX_STREAMS_PER_MEMBER = 3
SHOWN_TURNS = 50


@dataclass(frozen=True, slots=True)
class Member:
    """Who asks."""

    id: str
    address: str
    request_id: str

    @property
    def caller(self) -> str:
        """The member in the place of a key: conversations are bound to it."""
        return f"person:{self.id}"


@dataclass(slots=True)
class Asking:
    """One question of a member while it is answered."""

    chatflow: Chatflow
    member: Member
    prediction: Prediction
    at: datetime = field(default_factory=timezone.now)
    started: float = field(default_factory=time.perf_counter)


class Streams:
    """How many answers run at once in this process, in all and for each member."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()

    def are_full(self, member: Member) -> bool:
        """Whether one more is too many."""
        mine, every = self._running[member.id], self._running.total()
        return mine >= MAX_STREAMS_PER_MEMBER or every >= MAX_STREAMS

    @contextmanager
    def one_more(self, member: Member) -> Iterator[bool]:
        """Count one; False if it is too many."""
        with self._lock:
            fits = not self.are_full(member)
            self._running[member.id] += fits
        try:
            yield fits
        finally:
            with self._lock:
                self._running[member.id] -= fits
                self._running += Counter()  # lets go of members with none


streams = Streams()


def begin(chatflow: Chatflow, member: Member, question: str, chat_id: str) -> Asking:
    """A question in the member's own conversation of that id."""
    asked = Question(
        question,
        chat_id,
        thread_id=predictions.thread_id(chatflow.id, member.caller, chat_id),
        is_streaming=True,
        history=conversations.last_turns(
            chatflow.id,
            member.caller,
            chat_id,
            chatflow.engine_config.get("memory_turns", DEFAULT_MEMORY_TURNS),
        ),
    )
    return Asking(chatflow, member, Prediction(asked))


def turns(chatflow: Chatflow, member: Member, chat_id: str) -> list[Message]:
    """What was said in this conversation, oldest first."""
    mine = Message.objects.filter(
        conversation__chatflow=chatflow,
        conversation__caller=member.caller,
        conversation__chat_id=chat_id,
    )
    return list(reversed(mine.order_by("-at")[:SHOWN_TURNS]))


async def answer(asking: Asking) -> AsyncGenerator[bytes, None]:
    """Flowise's frames as they come, to the end or until the reader leaves; then the record."""
    with streams.one_more(asking.member) as fits:
        if not fits:
            yield frame("error", "Too many answers run at once. Wait for one to end, or stop it.")
            return
        try:
            async with aclosing(_events(asking)) as events:
                async for event in events:
                    sent = frames.of_event(asking.prediction, event)
                    if sent:
                        yield sent
            yield frames.last(asking.prediction)
        finally:
            await sync_to_async(_record)(asking)


async def _events(asking: Asking) -> AsyncGenerator[Event, None]:
    # A pool for one question: what it opens is closed with the answer.
    chatflow, pool = asking.chatflow, EnginePool(cast(AccessReader, _Sources()))
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
    """The call as a member's, and the turn in the member's conversation."""
    asked, member = asking.prediction, asking.member
    failure = asked.failure
    code = failure.code if failure else "ok" if asked.is_complete else "client_gone"
    turn = Turn(
        message_id=asked.message_id,
        at=asking.at,
        chatflow_id=asking.chatflow.id,
        caller=member.caller,
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
        reason=Call.PLAYGROUND,
        client_address=member.address,
        duration_ms=round((time.perf_counter() - asking.started) * 1000),
        streamed=True,
        request_id=member.request_id,
        turn=turn,
    )
    try:
        calls.write([record])
    except DatabaseError as error:  # the answer is whole all the same
        log.warning("a member's call is not recorded", error=type(error).__name__)


class _Sources:
    """Reads what an engine is made from by the ORM. A pool asks its reader for nothing else."""

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
