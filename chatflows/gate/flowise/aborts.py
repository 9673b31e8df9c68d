"""PUT /api/v1/chatmessage/abort/{id}/{chatId}: a caller stops its own running answers."""

from uuid import UUID

import structlog

from accounts.outages import Unavailable
from chatflows import predictions
from chatflows.engines import AbortableEngine, kinds
from chatflows.engines.sources import EngineRef
from chatflows.gate import responses
from chatflows.gate.exchange import Exchange
from chatflows.predictions import running

log = structlog.get_logger("flowlatch.gate")

ABORTED = {"status": 200, "message": "Chat message aborted"}  # Flowise's words


async def create(exchange: Exchange) -> None:
    """End the caller's answers in one conversation, in this process, in others and upstream.

    The response does not tell whether there were any.
    """
    reference = exchange.let_in.facts.engine
    assert reference is not None
    if not kinds.of(reference.name).is_instant:  # its answer is over before anybody can stop it
        try:
            await _abort(exchange, reference)
        except Unavailable as error:
            log.warning("abort not passed on", error=type(error).__name__)
    await exchange.answer(responses.json_answer(ABORTED, exchange.cors))


async def _abort(exchange: Exchange, reference: EngineRef) -> None:
    chatflow_id, caller, parts = exchange.chatflow_id, exchange.let_in.caller, exchange.parts
    is_here = running.registry.abort(parts.answers, chatflow_id, caller, exchange.chat_id)
    thread_id = predictions.thread_id(chatflow_id, caller, exchange.chat_id)
    if parts.abort_notes is not None:
        await parts.abort_notes.note(UUID(thread_id))
    if not is_here:  # an answer that runs here tells its upstream itself
        engine = await parts.engines.get(chatflow_id, reference)
        if isinstance(engine, AbortableEngine):
            await engine.abort(thread_id)
