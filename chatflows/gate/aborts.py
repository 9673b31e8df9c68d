"""Aborts: a caller stops an answer of its own, in this process, in another, or at the upstream."""

from typing import Protocol
from uuid import UUID

import structlog

from accounts.outages import Unavailable
from chatflows import predictions
from chatflows.engines.flowise import FlowiseEngine
from chatflows.engines.pool import EnginePool
from chatflows.engines.sources import EngineRef
from chatflows.gate.open_streams import OpenStreams
from chatflows.gate.verdicts import Verdict

log = structlog.get_logger("flowlatch.gate")

ABORTED = {"status": 200, "message": "Chat message aborted"}  # Flowise's words


class AbortNotes(Protocol):
    """Tells the other processes; each asks for its open streams once a second."""

    async def note(self, thread_id: UUID) -> None:
        """It is committed when this returns. Raises `accounts.outages.Unavailable`."""


class Aborts:
    """Ends answers, wherever they run."""

    def __init__(self, streams: OpenStreams, engines: EnginePool, notes: AbortNotes | None) -> None:
        self._streams = streams
        self._engines = engines
        self._notes = notes

    async def abort(self, verdict: Verdict, chat_id: str) -> None:
        """End the caller's answers in one conversation; the same whether there were any or not."""
        chatflow, reference = verdict.facts.chatflow, verdict.facts.engine
        assert chatflow is not None
        assert reference is not None
        if reference.name == "faq":  # over before anybody can stop it
            return
        is_here = self._streams.abort(chatflow.id, verdict.caller, chat_id)
        thread_id = predictions.thread_id(chatflow.id, verdict.caller, chat_id)
        try:
            if self._notes is not None:
                await self._notes.note(UUID(thread_id))
            if not is_here:  # one that ran here tells its upstream itself
                await self._abort_upstream(chatflow.id, reference, thread_id)
        except Unavailable as error:
            log.warning("abort not passed on", error=str(error))

    async def _abort_upstream(
        self, chatflow_id: UUID, reference: EngineRef, thread_id: str
    ) -> None:
        engine = await self._engines.get(chatflow_id, reference)
        if isinstance(engine, FlowiseEngine):
            await engine.abort(thread_id)
