"""Predictions on the wire: a call that was let in, answered in Flowise's JSON or event stream."""

import asyncio
from dataclasses import dataclass
from typing import Any

from accounts.secrets import Unavailable
from chatflows import predictions
from chatflows.engines import Engine, Event, Failed, Sources, Token
from chatflows.gate import bodies, responses
from chatflows.gate.engine_pool import EnginePool
from chatflows.gate.requests import GateRequest, Send, TooLarge, TooSlow
from chatflows.gate.responses import CLOSE, Answer, Headers, frame
from chatflows.gate.verdicts import Verdict
from chatflows.predictions import Prediction

STREAM_HEADERS: Headers = [
    (b"content-type", responses.EVENT_STREAM),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]
RETRY: Headers = [(b"retry-after", responses.RETRY_AFTER)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call that was let in ended."""

    status: int
    code: str
    prediction: Prediction | None = None
    streamed: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a call that was let in can't be answered, found before anything was sent."""

    status: int
    code: str
    detail: str = ""
    extra: tuple[tuple[bytes, bytes], ...] = ()


async def serve(
    request: GateRequest, verdict: Verdict, engines: EnginePool, send: Send, cors: Headers
) -> Outcome:
    """Read the question, run the engine, send the answer. Raises Gone if the client left."""
    ready = await _prepare(request, verdict, engines)
    if isinstance(ready, Fault):
        await _refuse(ready, request, send, cors)
        return Outcome(ready.status, ready.code)
    body, engine = ready
    asked = predictions.begin(body.question, body.chat_id)
    if body.streaming:
        await _stream(asked, engine, request, send, cors)
        return _outcome(asked, 200, streamed=True)
    answer = await _whole(asked, engine, request, cors)
    await responses.send(send, answer, request.id)
    return _outcome(asked, answer.status)


async def _prepare(
    request: GateRequest, verdict: Verdict, engines: EnginePool
) -> tuple[bodies.PredictionBody, Engine] | Fault:
    chatflow, reference = verdict.facts.chatflow, verdict.facts.engine
    assert chatflow is not None  # `decide` lets nobody in without
    assert reference is not None
    if not request.is_plain_json:
        return Fault(415, "unsupported_media_type")
    try:
        return bodies.parse(await request.body()), await engines.get(chatflow.id, reference)
    except bodies.InvalidBody as error:
        return Fault(400, "invalid_body", str(error))
    except TooLarge:
        return Fault(413, "too_large", extra=tuple(CLOSE))
    except TooSlow:
        return Fault(408, "request_timeout", extra=tuple(CLOSE))
    except Unavailable:
        return Fault(503, "unavailable", extra=tuple(RETRY))


async def _refuse(fault: Fault, request: GateRequest, send: Send, cors: Headers) -> None:
    answer = responses.error(
        fault.status,
        fault.code,
        request.id,
        request.accept,
        extra=[*cors, *fault.extra],
        detail=fault.detail,
    )
    await responses.send(send, answer, request.id)


def _outcome(asked: Prediction, status: int, *, streamed: bool = False) -> Outcome:
    if asked.failure is not None:
        return Outcome(status, asked.failure.code, asked, streamed)
    return Outcome(status, "ok" if asked.is_complete else "client_gone", asked, streamed)


async def _whole(
    prediction: Prediction, engine: Engine, request: GateRequest, cors: Headers
) -> Answer:
    """Run to the end and answer once (flowise-wire 1.3)."""
    async for _ in predictions.run(prediction, engine):
        pass
    failure = prediction.failure
    if failure is not None:
        return responses.error(
            failure.status,
            failure.code,
            request.id,
            request.accept,
            extra=cors,
            detail=failure.detail,
        )
    value: dict[str, Any] = {
        "text": prediction.text,
        "question": prediction.question,
        "chatId": prediction.chat_id,
        "chatMessageId": str(prediction.message_id),
        "sessionId": prediction.chat_id,
    }
    if prediction.sources:
        value["sourceDocuments"] = list(prediction.sources)
    return responses.json_answer(value, cors)


async def _stream(
    prediction: Prediction, engine: Engine, request: GateRequest, send: Send, cors: Headers
) -> None:
    """Send events as they come (flowise-wire 2.1), to the end or until the client is gone."""
    head = [*STREAM_HEADERS, *cors, (b"x-request-id", request.id.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    gone = asyncio.ensure_future(request.gone())
    try:
        async for event in predictions.run(prediction, engine):
            if gone.done():
                return
            await _send_frames(send, _frames(prediction, event))
    finally:
        gone.cancel()
    await _send_frames(send, _last_frames(prediction))
    await send({"type": "http.response.body", "body": b""})


def _frames(prediction: Prediction, event: Event) -> list[bytes]:
    match event:
        case Token(text) if len(prediction.pieces) == 1:
            return [frame("start", text), frame("token", text)]
        case Token(text):
            return [frame("token", text)]
        case Sources(documents):
            return [frame("sourceDocuments", documents)]
        case Failed(detail=detail):
            return [frame("error", detail)]
        case _:
            return []


def _last_frames(prediction: Prediction) -> list[bytes]:
    end = frame("end", "[DONE]")
    if not prediction.is_complete:
        return [end]
    metadata = {
        "chatId": prediction.chat_id,
        "chatMessageId": str(prediction.message_id),
        "question": prediction.question,
        "sessionId": prediction.chat_id,
    }
    return [frame("metadata", metadata), end]


async def _send_frames(send: Send, frames: list[bytes]) -> None:
    if frames:
        body = b"".join(frames)
        await send({"type": "http.response.body", "body": body, "more_body": True})
