"""The engine pool: engines ready to answer, kept per process and renewed by version."""

from collections import OrderedDict
from collections.abc import AsyncGenerator
from uuid import UUID

import aiohttp

from accounts.crypto import sealing
from accounts.network import connections, egress
from chatflows.access import codes
from chatflows.engines import Engine, Events, Failed, Question, configs
from chatflows.engines.configs import FlowiseConfig, InvalidConfig
from chatflows.engines.faq import FaqEngine
from chatflows.engines.flowise import FlowiseEngine
from chatflows.engines.openai import OpenAIEngine
from chatflows.engines.sources import EngineRef, EngineSource, EngineSources

MAX_ENGINES = 128  # the longest unused goes first


class UnsetEngine:
    """Stands where the settings of an engine are missing or can't be read."""

    async def answer(self, question: Question) -> AsyncGenerator[Events, None]:
        """Say so."""
        yield [Failed(codes.UPSTREAM_UNSET)]


class EnginePool:
    """Holds what engines answer from, never who may ask: the version is read at each request."""

    def __init__(self, sources: EngineSources) -> None:
        self._sources = sources
        self._engines: OrderedDict[UUID, tuple[EngineRef, Engine]] = OrderedDict()
        self._client: aiohttp.ClientSession | None = None

    async def get(self, chatflow_id: UUID, reference: EngineRef) -> Engine:
        """The engine of a chatflow as of `reference`. Raises Unavailable."""
        held = self._engines.get(chatflow_id)
        if held is not None and held[0] == reference:
            self._engines.move_to_end(chatflow_id)
            return held[1]
        engine = self._make(chatflow_id, await self._sources.engine_source(chatflow_id))
        self._engines[chatflow_id] = (reference, engine)
        self._engines.move_to_end(chatflow_id)
        if len(self._engines) > MAX_ENGINES:
            self._engines.popitem(last=False)
        return engine

    async def close(self) -> None:
        """Let go of the upstreams' connections."""
        if self._client is not None:
            await self._client.close()

    def _make(self, chatflow_id: UUID, source: EngineSource) -> Engine:
        if source.engine == "faq":
            return FaqEngine(source.entries, source.fallback)
        try:
            config = configs.load(source.engine, source.config)
            secret = _secret(chatflow_id, source, egress.origin(config.base_url))
        except (InvalidConfig, LookupError, ValueError):
            return UnsetEngine()
        if self._client is None:
            self._client = connections.session()
        if isinstance(config, FlowiseConfig):
            return FlowiseEngine(self._client, config, secret)
        return OpenAIEngine(self._client, config, secret)


def _secret(chatflow_id: UUID, source: EngineSource, origin: str) -> str:
    # A secret goes to the origin that it was stored for and nowhere else.
    if not source.secret or source.secret_origin != origin:
        return ""
    place = configs.secret_place(chatflow_id, source.team_id, origin)
    return sealing.decrypt(source.secret, source.key_version, place)
