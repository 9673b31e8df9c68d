"""The engine pool: engines ready to answer, kept per process and renewed by version."""

from collections import OrderedDict
from uuid import UUID

from chatflows.engines import Engine
from chatflows.engines.faq import FaqEngine
from chatflows.gate.facts import AccessReader, EngineRef, EngineSource

MAX_ENGINES = 128  # the longest unused goes first


class EnginePool:
    """Holds what engines answer from, never who may ask: the version is read at each request."""

    def __init__(self, reader: AccessReader) -> None:
        self._reader = reader
        self._engines: OrderedDict[UUID, tuple[EngineRef, Engine]] = OrderedDict()

    async def get(self, chatflow_id: UUID, reference: EngineRef) -> Engine:
        """The engine of a chatflow as of `reference`. Raises Unavailable."""
        held = self._engines.get(chatflow_id)
        if held is not None and held[0] == reference:
            self._engines.move_to_end(chatflow_id)
            return held[1]
        engine = _make(await self._reader.engine_source(chatflow_id))
        self._engines[chatflow_id] = (reference, engine)
        self._engines.move_to_end(chatflow_id)
        if len(self._engines) > MAX_ENGINES:
            self._engines.popitem(last=False)
        return engine


def _make(source: EngineSource) -> Engine:
    return FaqEngine(source.entries, source.fallback)
