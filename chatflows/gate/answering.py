"""Answering: a call that was let in is asked of its engine, and answered whole or as a stream."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import TypeGuard

import structlog

from accounts.outages import Unavailable
from chatflows import predictions
from chatflows.access import codes
from chatflows.access.codes import Refused
from chatflows.engines import (
    LAST_WORDS,
    Engine,
    Events,
    Failed,
    Question,
    RememberingEngine,
    kinds,
)
from chatflows.gate import responses
from chatflows.gate.exchange import Exchange
from chatflows.gate.rechecks import GateAnswer
from chatflows.gate.requests import Gone
from chatflows.gate.streams import OpenStream
from chatflows.predictions import Prediction, running
from chatflows.predictions.prediction import MAX_REMEMBERED
from chatflows.predictions.running import Ending, RunningAnswer
from chatflows.predictions.turns import Memory

log = structlog.get_logger("flowlatch.gate")

LAST_WORDS_WITHIN = 1.0  # seconds that a slow client gets to take them

ReadQuestion = Callable[[Exchange], Awaitable[Question]]


async def answer(exchange: Exchange, read: ReadQuestion, memory: Memory | None = None) -> None:
    """Read the question, run the engine, send the answer.

    `memory` is None where the caller sends the whole conversation along. Raises Refused before
    anything was sent, and Gone if the client left.
    """
    reference = exchange.let_in.facts.engine
    assert reference is not None
    stream = OpenStream(exchange)
    if kinds.of(reference.name).is_instant:
        await _answer(stream, read, memory, None)
        return
    registry = running.registry
    mine = GateAnswer(exchange.parts.answers, exchange.let_in, exchange.ticket)
    if not registry.enter(mine):
        exchange.over_limit(mine.full, codes.RETRY_AFTER)
    try:
        await _answer_while_allowed(stream, read, memory, mine)
    finally:
        registry.leave(mine)
        stream.close()


async def _answer_while_allowed(
    stream: OpenStream, read: ReadQuestion, memory: Memory | None, mine: RunningAnswer
) -> None:
    # Its own task: each event then resumes a short stack of coroutines.
    task = asyncio.ensure_future(_answer(stream, read, memory, mine))
    with mine.running(task):
        try:
            await task
            return
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if mine.ending is None or (current is not None and current.cancelling()):
                raise  # the process ends
    await _end_early(stream, mine.ending)


async def _answer(
    stream: OpenStream, read: ReadQuestion, memory: Memory | None, mine: RunningAnswer | None
) -> None:
    exchange = stream.exchange
    question = await read(exchange)
    exchange.prediction = Prediction(question)
    exchange.is_streaming = question.is_streaming
    if mine is None:
        await _ask(stream, exchange.prediction, memory)
        return
    mine.chat_id = question.chat_id
    with mine.ending_with(exchange.request.gone()):
        if question.is_streaming:
            exchange.prediction.most = MAX_REMEMBERED  # the client has the rest
            stream.watch()
        await _ask(stream, exchange.prediction, memory)


async def _ask(stream: OpenStream, prediction: Prediction, memory: Memory | None) -> None:
    try:
        engine = await _prepare(stream.exchange, prediction, memory)
    except (Unavailable, Refused) as error:
        refused = error if isinstance(error, Refused) else Refused(codes.UNAVAILABLE, closes=True)
        if not stream.exchange.has_begun:
            raise refused from None
        await _end_refused(stream, refused)
        return
    send = _stream if prediction.question.is_streaming else _whole
    await send(stream, prediction, engine, memory)


async def _prepare(exchange: Exchange, prediction: Prediction, memory: Memory | None) -> Engine:
    """Return the engine, and put the past turns into the question.

    Raises Unavailable, and Refused where the question may spend more than is left.
    """
    verdict = exchange.let_in
    chatflow, reference = verdict.facts.chatflow, verdict.facts.engine
    assert chatflow is not None  # `decide` lets nobody in without
    assert reference is not None
    engine = await exchange.parts.engines.get(chatflow.id, reference)
    if memory is not None and _remembers(engine, exchange) and engine.memory_turns:
        past = await memory.recall(
            chatflow.id, verdict.caller, prediction.chat_id, engine.memory_turns
        )
        prediction.question = prediction.question._replace(history=past)
    if not kinds.of(reference.name).is_instant:
        await exchange.reserve(prediction.question)
    return engine


def _remembers(engine: Engine, exchange: Exchange) -> TypeGuard[RememberingEngine]:
    reference = exchange.let_in.facts.engine
    assert reference is not None
    # The kind first: to look at the engine takes ten times as long. One that is not set up is none.
    return kinds.of(reference.name).remembers and isinstance(engine, RememberingEngine)


async def _whole(
    stream: OpenStream, prediction: Prediction, engine: Engine, memory: Memory | None
) -> None:
    """Run to the end and answer once (flowise-wire 1.3)."""
    exchange = stream.exchange
    await predictions.complete(prediction, engine)
    _check(exchange, prediction)
    if prediction.failure is not None:
        raise _refusal(prediction.failure)
    await _keep(exchange, engine, memory)
    await exchange.answer(responses.json_answer(exchange.protocol.whole(prediction), exchange.cors))


async def _stream(
    stream: OpenStream, prediction: Prediction, engine: Engine, memory: Memory | None
) -> None:
    """Send events as they come (flowise-wire 2.1). The head waits for the first of them."""
    exchange = stream.exchange
    async with aclosing(engine.answer(prediction.question)) as answer:
        async for events in answer:
            body = _encode(events, exchange, prediction)
            events.clear()  # the engine has the list too, and the client may take long
            if prediction.is_complete:
                await _keep(exchange, engine, memory)
            await stream.send(body)
            if prediction.is_over:
                break
    if not prediction.is_over:
        await stream.send(_encode([predictions.BROKEN_OFF], exchange, prediction))
    failure = prediction.failure
    if failure is not None and not exchange.has_begun:
        raise _refusal(failure)
    exchange.end(200, failure.code.name if failure is not None else codes.OK)
    await stream.end(exchange.protocol.last(prediction))


def _encode(events: Events, exchange: Exchange, prediction: Prediction) -> bytes:
    """Encode a batch of events.

    A failure is held back while nothing was sent: it can still become an error response.
    """
    encoded: list[bytes] = []
    for event in events:
        prediction.note(event)
        if not isinstance(event, LAST_WORDS):
            encoded.append(exchange.protocol.event(prediction, event))
            continue
        failed = _check(exchange, prediction)
        if failed is not None and (exchange.has_begun or any(encoded)):
            encoded.append(exchange.protocol.event(prediction, failed))
    return b"".join(encoded)


def _check(exchange: Exchange, prediction: Prediction) -> Failed | None:
    """Return how an answer failed. One that its clients could not see is no success."""
    missing = exchange.protocol.missing(prediction) if prediction.is_complete else None
    if missing is not None:
        prediction.note(missing)
    return prediction.failure


async def _keep(exchange: Exchange, engine: Engine, memory: Memory | None) -> None:
    """Write the turn before the answer ends: the next question, on any process, knows of it."""
    if memory is None or not _remembers(engine, exchange):
        return
    try:
        await memory.keep(exchange.turn())
        exchange.is_kept = True
    except Unavailable:  # the answer stands; the recorder writes it when it can
        log.warning("turn not kept yet", request_id=exchange.request.id)


def _refusal(failed: Failed) -> Refused:
    return Refused(failed.code, failed.sentence, retry_after=failed.retry_after)


async def _end_early(stream: OpenStream, why: Ending | Refused) -> None:
    """Say why an answer was ended from outside, if there is still someone to hear it."""
    exchange = stream.exchange
    stream.stop_watching()
    if exchange.is_over:
        return
    if why is Ending.GONE:
        if exchange.prediction is None:
            raise Gone
        exchange.end(200 if exchange.has_begun else 499, codes.CLIENT_GONE)
        return
    # Who takes no last words keeps nobody: the server cuts the answer off, and it looks so.
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_WORDS_WITHIN):
            if isinstance(why, Refused):
                await _end_refused(stream, why)
            else:
                await _end_aborted(stream)


async def _end_refused(stream: OpenStream, refused: Refused) -> None:
    exchange = stream.exchange
    if not (exchange.is_streaming and exchange.has_begun):
        await exchange.refuse(refused)
        return
    try:
        await stream.end(exchange.protocol.broken(refused.code))
    finally:
        exchange.end(200, refused.code.name)


async def _end_aborted(stream: OpenStream) -> None:
    exchange = stream.exchange
    prediction = exchange.prediction
    assert prediction is not None
    if exchange.is_streaming:
        try:
            await stream.end(exchange.protocol.aborted())
        finally:
            exchange.end(200, codes.ABORTED)
    else:
        answer = responses.json_answer(exchange.protocol.whole(prediction), exchange.cors)
        await exchange.answer(answer, codes.ABORTED)
