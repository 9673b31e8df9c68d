"""The engine pool: engines that are ready to answer, each made anew when its version changes."""

import asyncio
from asyncio import AbstractEventLoop
from collections import OrderedDict
from collections.abc import AsyncGenerator
from uuid import UUID

from accounts.crypto import sealing
from chatflows.engines import Engine, configs, kinds
from chatflows.engines.clients import LazyClient
from chatflows.engines.configs import InvalidConfig
from chatflows.engines.kinds import UnsetEngine
from chatflows.engines.sources import EngineRef, EngineSource, EngineSources, Materials

MAX_ENGINES = 128  # the one that was not used for the longest time goes first


class EnginePool:
    """Keeps engines by chatflow. It holds no right: access and version are read at each request."""

    def __init__(self, sources: EngineSources) -> None:
        self._sources = sources
        self._engines: OrderedDict[UUID, tuple[EngineRef, Engine]] = OrderedDict()
        self._builds: dict[tuple[UUID, EngineRef], asyncio.Task[Engine]] = {}
        self._client = LazyClient()

    def ready(self, chatflow_id: UUID, reference: EngineRef) -> Engine | None:
        """Return the engine of a chatflow as of `reference`, if it was made already."""
        held = self._engines.get(chatflow_id)
        if held is None or held[0] != reference:
            return None
        self._engines.move_to_end(chatflow_id)
        return held[1]

    async def get(self, chatflow_id: UUID, reference: EngineRef) -> Engine:
        """Return the engine of a chatflow as of `reference`. Raises Unavailable.

        Calls that come while it is made wait for the same one. A failure is not kept.
        """
        held = self.ready(chatflow_id, reference)
        if held is not None:
            return held
        wanted = chatflow_id, reference
        build = self._builds.get(wanted)
        if build is None:
            build = self._builds[wanted] = asyncio.create_task(self._build(chatflow_id, reference))
            build.add_done_callback(lambda done: self._end(wanted, done))
        return await asyncio.shield(build)  # whoever leaves takes it from nobody else

    async def close(self) -> None:
        """Close the connections to upstreams."""
        await self._client.close()

    async def _build(self, chatflow_id: UUID, reference: EngineRef) -> Engine:
        source = await self._sources.engine_source(chatflow_id)
        if kinds.of(source.engine).answers_from_entries:
            # A large FAQ takes a second to index, and other calls go on meanwhile.
            engine = await asyncio.to_thread(self._make, chatflow_id, source)
        else:  # a client for upstreams is opened in its loop
            engine = self._make(chatflow_id, source)
        self._engines[chatflow_id] = (reference, engine)
        self._engines.move_to_end(chatflow_id)
        if len(self._engines) > MAX_ENGINES:
            self._engines.popitem(last=False)
        return engine

    def _end(self, wanted: tuple[UUID, EngineRef], done: asyncio.Task[Engine]) -> None:
        del self._builds[wanted]
        if not done.cancelled():
            done.exception()  # those who wait have it; if all have left, it is no news

    def _make(self, chatflow_id: UUID, source: EngineSource) -> Engine:
        kind = kinds.of(source.engine)
        try:
            config = kind.load(source.config)
            secret = _secret(chatflow_id, source, kind.origin(config))
        except (InvalidConfig, LookupError, ValueError):
            return UnsetEngine()
        return kind.engine(
            config, Materials(source.entries, source.fallback, secret, self._client.open)
        )


class LoopPools:
    """One pool for each event loop, closed when its loop ends.

    In the server all answers run in one loop. A question that is asked from a thread gets a loop
    for its answer alone, and no connection outlives its loop.
    """

    def __init__(self, sources: EngineSources) -> None:
        self._sources = sources
        self._held: dict[AbstractEventLoop, tuple[EnginePool, AsyncGenerator[None, None]]] = {}

    async def get(self) -> EnginePool:
        """Return the pool of the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._held:
            pool = EnginePool(self._sources)
            closing = self._close_with(loop, pool)
            self._held[loop] = pool, closing
            await anext(closing)
        return self._held[loop][0]

    async def _close_with(
        self, loop: AbstractEventLoop, pool: EnginePool
    ) -> AsyncGenerator[None, None]:
        # A loop that ends closes the asynchronous generators that began in it (PEP 525).
        try:
            yield
        finally:
            del self._held[loop]
            await pool.close()


def _secret(chatflow_id: UUID, source: EngineSource, origin: str) -> str:
    # A secret is sent only to the origin that it was stored for.
    if not source.secret or source.secret_origin != origin:
        return ""
    place = configs.secret_place(chatflow_id, source.team_id, origin)
    return sealing.decrypt(source.secret, source.key_version, place)
