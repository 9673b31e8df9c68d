"""Aborts: a caller stops an answer of its own, here or at the upstream."""

from accounts.secrets import Unavailable
from chatflows import predictions
from chatflows.engines.flowise import FlowiseEngine
from chatflows.gate.engine_pool import EnginePool
from chatflows.gate.open_streams import OpenStreams
from chatflows.gate.verdicts import Verdict

ABORTED = {"status": 200, "message": "Chat message aborted"}  # Flowise's words


async def abort(verdict: Verdict, chat_id: str, streams: OpenStreams, engines: EnginePool) -> None:
    """End the caller's answers in one conversation; the same whether there were any or not.

    An answer that another process sends is ended by the upstream, which is asked to stop the run.
    """
    chatflow, reference = verdict.facts.chatflow, verdict.facts.engine
    assert chatflow is not None
    assert reference is not None
    if streams.abort(chatflow.id, verdict.caller, chat_id):
        return
    try:
        engine = await engines.get(chatflow.id, reference)
    except Unavailable:
        return
    if isinstance(engine, FlowiseEngine):
        await engine.abort(predictions.thread_id(chatflow.id, verdict.caller, chat_id))
