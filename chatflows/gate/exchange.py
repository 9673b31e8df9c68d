"""Predictions on the wire: a call that was let in, answered in one piece or as a stream."""

import asyncio
from collections.abc import Awaitable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog

from accounts.outages import Unavailable
from chatflows import predictions
from chatflows.access.decisions import Decision
from chatflows.engines import Engine, Events, Failed
from chatflows.engines.openai import OpenAIEngine
from chatflows.engines.pool import EnginePool
from chatflows.gate import flowise_protocol, responses
from chatflows.gate.flowise_protocol import Wire
from chatflows.gate.large_bodies import Crowded
from chatflows.gate.open_streams import Ending, OpenStream
from chatflows.gate.requests import GateRequest, Gone, Send, TooLarge, TooSlow
from chatflows.gate.responses import CLOSE, Headers
from chatflows.gate.verdicts import Verdict
from chatflows.predictions.prediction import Prediction
from chatflows.predictions.turns import Memory, Turn
from chatflows.protocols.flowise import bodies

log = structlog.get_logger("flowlatch.gate")

LAST_WORDS_WITHIN = 1.0  # seconds that a slow client gets to take them
STREAM_HEADERS: Headers = [
    (b"content-type", responses.EVENT_STREAM),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]
RETRY: Headers = [(b"retry-after", responses.RETRY_AFTER)]


class Outcome(NamedTuple):
    """How a call that was let in ended. `turn` is what is still to be written."""

    status: int
    code: str
    turn: Turn | None = None
    streamed: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a call that was let in can't be answered, found before anything was sent."""

    status: int
    code: str
    detail: str = ""
    extra: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(slots=True)
class Exchange:
    """One call on its way: what came in, who answers, and how much has been sent."""

    request: GateRequest
    verdict: Verdict
    engines: EnginePool
    memory: Memory | None
    send: Send
    cors: Headers
    stream: OpenStream | None = None  # none where the answer comes from here and is over at once
    wire: Wire = flowise_protocol.FLOWISE
    prediction: Prediction | None = field(default=None, init=False)
    is_streaming: bool = field(default=False, init=False)
    has_begun: bool = field(default=False, init=False)
    is_over: bool = field(default=False, init=False)
    is_kept: bool = field(default=False, init=False)

    def outcome(self, status: int, code: str) -> Outcome:
        """The end of it."""
        asked = self.prediction
        turn = turn_of(self.verdict, asked) if asked is not None and not self.is_kept else None
        return Outcome(status, code, turn, self.is_streaming and self.has_begun)


async def serve(exchange: Exchange) -> Outcome:
    """Read the question, run the engine, send the answer. Raises Gone if the client left."""
    stream = exchange.stream
    if stream is None:
        return await _serve(exchange)
    # A task of its own: all that was called to come here is not walked through at each event.
    answer = asyncio.ensure_future(_serve(exchange))
    with stream.running(answer):
        try:
            return await answer
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if stream.ending is None or (task is not None and task.cancelling()):
                raise  # the process ends
    return await _end_early(exchange, stream.ending)


def turn_of(verdict: Verdict, asked: Prediction) -> Turn:
    """What is kept of a prediction in the caller's conversation."""
    assert verdict.facts.chatflow is not None
    return Turn(
        message_id=asked.message_id,
        at=verdict.at,
        chatflow_id=verdict.facts.chatflow.id,
        caller=verdict.caller,
        chat_id=asked.chat_id,
        question=asked.question,
        answer=asked.text,
        is_complete=asked.is_complete,
        is_answered=asked.is_answered,
    )


async def _serve(exchange: Exchange) -> Outcome:
    ready = await _prepare(exchange)
    if isinstance(ready, Fault):
        return await _refuse(ready, exchange)
    exchange.prediction, engine = ready
    exchange.is_streaming = exchange.prediction.asked.is_streaming
    answer = _stream if exchange.is_streaming else _whole
    if exchange.stream is None:
        return await answer(exchange, exchange.prediction, engine)
    exchange.stream.chat_id = exchange.prediction.chat_id
    with exchange.stream.watching(exchange.request):
        return await answer(exchange, exchange.prediction, engine)


async def _prepare(exchange: Exchange) -> tuple[Prediction, Engine] | Fault:
    chatflow, reference = exchange.verdict.facts.chatflow, exchange.verdict.facts.engine
    assert chatflow is not None  # `decide` lets nobody in without
    assert reference is not None
    try:
        question = await exchange.wire.question(exchange.request, exchange.verdict)
        if question is None:
            return Fault(415, "unsupported_media_type")
        engine = await exchange.engines.get(chatflow.id, reference)
        if isinstance(engine, OpenAIEngine) and engine.memory_turns and exchange.memory:
            past = await exchange.memory.recall(
                chatflow.id, exchange.verdict.caller, question.chat_id, engine.memory_turns
            )
            question = question._replace(history=past)
        return Prediction(question), engine
    except bodies.InvalidBody as error:
        return Fault(400, "invalid_body", str(error))
    except TooLarge:
        return Fault(413, "too_large", extra=tuple(CLOSE))
    except TooSlow:
        return Fault(408, "request_timeout", extra=tuple(CLOSE))
    except (Unavailable, Crowded) as error:
        detail = responses.CROWDED if isinstance(error, Crowded) else ""
        return Fault(503, "unavailable", detail, extra=(*RETRY, *CLOSE))


async def _refuse(fault: Fault, exchange: Exchange) -> Outcome:
    answer = exchange.wire.error(
        fault.status,
        fault.code,
        exchange.request.id,
        exchange.request.accept,
        extra=[*exchange.cors, *fault.extra],
        detail=fault.detail,
    )
    exchange.has_begun, exchange.is_streaming = True, False
    await responses.send(exchange.send, answer, exchange.request.id)
    exchange.is_over = True
    return exchange.outcome(fault.status, fault.code)


async def _fail(failed: Failed, exchange: Exchange) -> Outcome:
    retry = failed.retry_after
    extra = [(b"retry-after", str(retry).encode())] if retry is not None else []
    return await _refuse(Fault(failed.status, failed.code, failed.detail, tuple(extra)), exchange)


async def _whole(exchange: Exchange, prediction: Prediction, engine: Engine) -> Outcome:
    """Run to the end and answer once (flowise-wire 1.3)."""
    await predictions.complete(prediction, engine)
    if prediction.failure is not None:
        return await _fail(prediction.failure, exchange)
    await _keep(exchange, prediction, engine)
    answer = responses.json_answer(exchange.wire.whole(prediction), exchange.cors)
    exchange.has_begun = True
    await responses.send(exchange.send, answer, exchange.request.id)
    exchange.is_over = True
    return exchange.outcome(200, "ok")


async def _stream(exchange: Exchange, prediction: Prediction, engine: Engine) -> Outcome:
    """Send events as they come (flowise-wire 2.1). The head waits for the first of them."""
    async with aclosing(engine.answer(prediction.asked)) as answer:
        async for events in answer:
            told = _told(events, exchange, prediction)
            if prediction.is_complete:
                await _keep(exchange, prediction, engine)
            await _send_body(exchange, told)
            if prediction.is_over:
                break
    if not prediction.is_over:
        await _send_body(exchange, _told([predictions.BROKEN_OFF], exchange, prediction))
    if prediction.failure is not None and not exchange.has_begun:
        return await _fail(prediction.failure, exchange)
    exchange.is_over = True
    await _send_body(exchange, exchange.wire.last(prediction))
    await exchange.send({"type": "http.response.body", "body": b""})
    failure = prediction.failure
    return exchange.outcome(200, failure.code if failure is not None else "ok")


def _told(events: Events, exchange: Exchange, prediction: Prediction) -> bytes:
    """What is sent of a lot: nothing of a failure while it can still be the whole answer."""
    told: list[bytes] = []
    for event in events:
        prediction.note(event)
        if not isinstance(event, Failed) or exchange.has_begun or any(told):
            told.append(exchange.wire.of_event(prediction, event))
    return b"".join(told)


def _send_body(exchange: Exchange, body: bytes) -> Awaitable[None]:
    """Send a piece, if there is anything in it; await this."""
    if body and exchange.has_begun:  # nearly always: no coroutine of ours comes in between
        return exchange.send({"type": "http.response.body", "body": body, "more_body": True})
    return _begin_with(exchange, body)


async def _begin_with(exchange: Exchange, body: bytes) -> None:
    if body:
        await _begin(exchange)
        await _send_body(exchange, body)


async def _begin(exchange: Exchange) -> None:
    request_id = (b"x-request-id", exchange.request.id.encode())
    head = [*STREAM_HEADERS, *exchange.cors, request_id]
    exchange.has_begun = True
    await exchange.send({"type": "http.response.start", "status": 200, "headers": head})


async def _keep(exchange: Exchange, prediction: Prediction, engine: Engine) -> None:
    """Write the turn before the answer ends: the next question, on any process, knows of it."""
    if not isinstance(engine, OpenAIEngine) or exchange.memory is None:
        return
    try:
        await exchange.memory.keep(turn_of(exchange.verdict, prediction))
        exchange.is_kept = True
    except Unavailable:  # the answer stands; the recorder writes it when it can
        log.warning("turn not kept yet", request_id=exchange.request.id)


async def _end_early(exchange: Exchange, why: Ending | Decision) -> Outcome:
    """Say why an answer was ended from outside, if there is still someone to hear it."""
    if exchange.is_over:
        return exchange.outcome(200, "ok")
    if why is Ending.GONE:
        if exchange.prediction is None:
            raise Gone
        return exchange.outcome(200 if exchange.has_begun else 499, "client_gone")
    async with asyncio.timeout(LAST_WORDS_WITHIN):
        if isinstance(why, Decision):
            return await _end_refused(exchange, why)
        return await _end_aborted(exchange)


async def _end_refused(exchange: Exchange, decision: Decision) -> Outcome:
    if exchange.is_streaming and exchange.has_begun:
        sentence = responses.MESSAGES[decision.code][1]
        await _send_body(exchange, exchange.wire.broken(decision.code, sentence))
        await exchange.send({"type": "http.response.body", "body": b""})
        return exchange.outcome(200, decision.code)
    request, form = exchange.request, exchange.wire.error
    answer = responses.refusal(decision, request.id, request.accept, exchange.cors, form)
    await responses.send(exchange.send, answer, exchange.request.id)
    return exchange.outcome(decision.status, decision.code)


async def _end_aborted(exchange: Exchange) -> Outcome:
    if exchange.is_streaming:
        if not exchange.has_begun:
            await _begin(exchange)
        await _send_body(exchange, exchange.wire.aborted())
        await exchange.send({"type": "http.response.body", "body": b""})
    else:
        assert exchange.prediction is not None
        answer = responses.json_answer(exchange.wire.whole(exchange.prediction), exchange.cors)
        await responses.send(exchange.send, answer, exchange.request.id)
    return exchange.outcome(200, "aborted")
