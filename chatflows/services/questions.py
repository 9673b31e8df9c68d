"""Questions: what people ask without a key, in the playground or a hosted chat."""

import time
from collections.abc import AsyncGenerator, Callable, Hashable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog
from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection
from django.utils import timezone

from accounts.network import addresses
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
from chatflows.predictions import conversations, costs, running
from chatflows.predictions.prediction import Prediction
from chatflows.predictions.running import UNCHECKED, Bounds, RunningAnswer
from chatflows.predictions.turns import Turn

log = structlog.get_logger("flowlatch.asking")

SHOWN_TURNS = 50
TOO_MANY = Failed(codes.TOO_MANY_STREAMS)
CLOSED = Failed(codes.CLOSED)

Holds = Callable[[], bool]  # reads the database, so it is called in a thread


@dataclass(frozen=True, slots=True)
class Questioner:
    """Who asks on a page. `caller` owns the conversations, `reason` is recorded."""

    caller: str
    reason: str
    address: str
    request_id: str


@dataclass(slots=True)
class PersonsQuestion:
    """One question of a person, while it is answered."""

    chatflow: Chatflow
    questioner: Questioner
    prediction: Prediction
    at: datetime = field(default_factory=timezone.now)
    started: float = field(default_factory=time.perf_counter)


class PersonsAnswer(RunningAnswer):
    """An answer that a person gets on a page, for as long as `holds` returns True."""

    def __init__(self, group: "PersonsAnswers", question: PersonsQuestion, holds: Holds) -> None:
        bounds, caller = group.bounds_of(question.questioner), question.questioner.caller
        super().__init__(group, bounds, question.chatflow.id, caller, question.prediction.chat_id)
        self.holds = holds


class PersonsAnswers:
    """A group of the answers that people get on pages (see `running.Group`)."""

    def __init__(self, *, in_all: int, each: int, each_address: int | None = None) -> None:
        """Make a group with bounds: in all, for each questioner, and for each client's address."""
        self.in_all, self._each, self._each_address = in_all, each, each_address

    def bounds_of(self, questioner: Questioner) -> Bounds:
        """Return whom an answer for this questioner counts for."""
        bounds: dict[Hashable, int] = {questioner.caller: self._each}
        if self._each_address is not None:
            host = addresses.host_of(addresses.parse(questioner.address))
            bounds[host] = self._each_address
        return bounds

    def are_full(self, questioner: Questioner) -> bool:
        """Whether one more answer for this questioner would be too many."""
        return running.registry.is_full(self, self.bounds_of(questioner))

    async def recheck(self, answers: Sequence[RunningAnswer]) -> None:
        """See Group."""
        mine = [answer for answer in answers if isinstance(answer, PersonsAnswer)]
        found = await sync_to_async(_recheck)([answer.holds for answer in mine])
        for answer, refused in zip(mine, found, strict=True):
            answer.note(refused)


def _recheck(rights: Sequence[Holds]) -> list[Refused | None]:
    found: list[Refused | None] = [UNCHECKED] * len(rights)
    try:
        for number, holds in enumerate(rights):
            found[number] = _refusal_of(holds)
    except DatabaseError:  # each of the others would wait for it as long
        log.warning("rights not read", count=len(rights))
    finally:
        if not connection.in_atomic_block:
            connection.close()  # the next re-check is a second away: others may use it
    return found


def _refusal_of(holds: Holds) -> Refused | None:
    try:
        return None if holds() else Refused(codes.CLOSED)
    except DatabaseError:
        raise
    except Exception as error:  # one fault must not leave the others unchecked
        log.exception("answer not re-checked", error=type(error).__name__)
        return UNCHECKED


def begin(chatflow: Chatflow, questioner: Questioner, text: str, chat_id: str) -> PersonsQuestion:
    """Begin a question in the questioner's own conversation of this id."""
    question = Question(
        text,
        chat_id,
        thread_id=predictions.thread_id(chatflow.id, questioner.caller, chat_id),
        is_streaming=True,
        history=conversations.last_turns(
            chatflow.id,
            questioner.caller,
            chat_id,
            _memory_turns(chatflow),
        ),
    )
    return PersonsQuestion(chatflow, questioner, Prediction(question))


def _memory_turns(chatflow: Chatflow) -> int:
    """Return how many earlier turns the chatflow's engine is shown."""
    try:
        config = chatflow.kind.load(chatflow.engine_config)
    except InvalidConfig:
        return 0  # no engine will answer
    return config.memory_turns if chatflow.kind.remembers else 0


def turns(chatflow: Chatflow, questioner: Questioner, chat_id: str) -> list[Message]:
    """Return the last turns of a questioner's conversation, oldest first."""
    mine = Message.objects.filter(
        conversation__chatflow=chatflow,
        conversation__caller=questioner.caller,
        conversation__chat_id=chat_id,
    )
    return list(reversed(mine.order_by("-at")[:SHOWN_TURNS]))


async def answer(
    question: PersonsQuestion, group: PersonsAnswers, holds: Holds
) -> AsyncGenerator[Event, None]:
    """Yield the engine's events to the end or until the reader leaves, then record the call.

    The answer ends within two seconds after `holds` turns False.
    """
    mine = PersonsAnswer(group, question, holds)
    if not running.registry.enter(mine):
        yield TOO_MANY
        return
    try:
        async with aclosing(running.while_allowed(_events(question), mine)) as events:
            async for event in events:
                yield event
        if mine.ending is not None:
            question.prediction.note(CLOSED)
            yield CLOSED
    finally:
        running.registry.leave(mine)
        await sync_to_async(_record)(question)


async def _events(question: PersonsQuestion) -> AsyncGenerator[Event, None]:
    chatflow, pool = question.chatflow, await _pools.get()
    try:
        engine = await pool.get(chatflow.id, EngineRef(chatflow.engine, chatflow.engine_version))
        async with aclosing(predictions.run(question.prediction, engine)) as events:
            async for event in events:
                yield event
    except Unavailable:
        failure = Failed(codes.UNAVAILABLE, "The engine can't be read now. Try again.")
        question.prediction.note(failure)
        yield failure


def _record(question: PersonsQuestion) -> None:
    """Record the call and the turn as the questioner's."""
    prediction, questioner = question.prediction, question.questioner
    failure = prediction.failure
    chatflow = question.chatflow
    turn = Turn.of(prediction, at=question.at, chatflow_id=chatflow.id, caller=questioner.caller)
    code = codes.OK if prediction.is_complete else codes.CLIENT_GONE
    if failure is not None:
        code = failure.code.name
    tokens = 0 if chatflow.kind.is_instant else costs.tokens_of(prediction, code)
    record = CallRecord(
        at=question.at,
        chatflow_id=chatflow.id,
        team_id=chatflow.team_id,
        key_id=None,
        key_name="",
        public_id="",
        allowed=True,
        status=failure.code.status if failure else 200,
        code=code,
        reason=questioner.reason,
        client_address=questioner.address,
        duration_ms=round((time.perf_counter() - question.started) * 1000),
        streamed=True,
        request_id=questioner.request_id,
        turn=turn,
        upstream_status=failure.upstream_status if failure else None,
        tokens=tokens,
        cost=costs.cost_of(tokens, chatflow.price or 0),
    )
    try:
        store.write([record])
    except DatabaseError as error:  # the person has the answer all the same
        log.warning("a question is not recorded", error=type(error).__name__)


_SOURCE = (
    *("team_id", "engine", "engine_config", "fallback"),
    *(f"upstream_secret__{name}" for name in ("origin", "ciphertext", "key_version")),
)


class _Sources:
    """Implements EngineSources by the ORM."""

    async def engine_source(self, chatflow_id: UUID) -> EngineSource:
        """See EngineSources."""
        return await sync_to_async(self._read)(chatflow_id)

    def _read(self, chatflow_id: UUID) -> EngineSource:
        row = Chatflow.objects.filter(pk=chatflow_id).values_list(*_SOURCE).first()
        if row is None:
            raise Unavailable("the chatflow is gone")
        entries = FaqEntry.objects.filter(chatflow=chatflow_id).order_by("id")
        return EngineSource.of_row(row, entries.values_list("question", "answer"))


_pools = LoopPools(_Sources())
