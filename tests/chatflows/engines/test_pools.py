"""Pools: engines are kept by version, one pool for each event loop, and closed with it."""

import asyncio
from uuid import UUID

import pytest

from accounts.outages import Unavailable
from chatflows.engines import Engine
from chatflows.engines.kinds import UnsetEngine
from chatflows.engines.pool import EnginePool, LoopPools
from chatflows.engines.sources import EngineRef, EngineSource, Entry

pytestmark = pytest.mark.fast

ONE = UUID(int=1)
FLOWISE = {"base_url": "http://127.0.0.1:9", "flow_id": "0198c2f4-1c2b-4d5e-8f90-abcdef123456"}


class Sources:
    """Says what it was made with, and counts how often it was read."""

    def __init__(self, engine: str, config: object = None) -> None:
        self.source = EngineSource(ONE, engine, config or {}, "", (Entry("q", "a"),))  # type: ignore[arg-type]
        self.count = 0

    async def engine_source(self, chatflow_id: UUID) -> EngineSource:
        self.count += 1
        return self.source


async def made(sources: Sources) -> Engine:
    pool = EnginePool(sources)
    engine = await pool.get(ONE, EngineRef(sources.source.engine, 1))
    await pool.close()
    return engine


@pytest.mark.parametrize(
    ("engine", "config"),
    [
        ("telepathy", {}),
        ("", {}),
        ("flowise", {}),
        ("flowise", {"x": 1}),
        ("flowise", [1]),
        ("flowise", {**FLOWISE, "base_url": "ftp://x"}),
        ("openai", {"base_url": "http://127.0.0.1:9"}),
    ],
)
def test_a_damaged_row_is_an_engine_that_is_not_set_up(engine: str, config: object) -> None:
    assert isinstance(asyncio.run(made(Sources(engine, config))), UnsetEngine)


def test_an_engine_without_settings_reads_none() -> None:
    assert not isinstance(asyncio.run(made(Sources("faq", {"left": "over"}))), UnsetEngine)


def test_an_engine_is_kept_until_its_version_is_another() -> None:
    sources = Sources("faq")
    pools = LoopPools(sources)

    async def ask() -> None:
        first = await (await pools.get()).get(ONE, EngineRef("faq", 1))
        assert await (await pools.get()).get(ONE, EngineRef("faq", 1)) is first
        assert await (await pools.get()).get(ONE, EngineRef("faq", 2)) is not first

    asyncio.run(ask())
    assert sources.count == 2


def test_calls_that_come_at_once_share_one_build() -> None:
    sources = Sources("faq")

    async def ask() -> list[Engine]:
        pool = EnginePool(sources)
        return await asyncio.gather(*(pool.get(ONE, EngineRef("faq", 1)) for _ in range(24)))

    engines = asyncio.run(ask())
    assert sources.count == 1
    assert len(set(map(id, engines))) == 1


def test_a_caller_that_leaves_does_not_end_the_build_of_others() -> None:
    sources = Sources("faq")

    async def ask() -> None:
        pool = EnginePool(sources)
        first, second = (asyncio.create_task(pool.get(ONE, EngineRef("faq", 1))) for _ in range(2))
        await asyncio.sleep(0)  # both wait now
        first.cancel()
        assert await second is pool.ready(ONE, EngineRef("faq", 1))
        assert first.cancelled()

    asyncio.run(ask())
    assert sources.count == 1


def test_a_failure_reaches_all_who_wait_and_is_not_kept() -> None:
    class Failing(Sources):
        async def engine_source(self, chatflow_id: UUID) -> EngineSource:
            source = await super().engine_source(chatflow_id)
            if self.count == 1:
                raise Unavailable
            return source

    sources = Failing("faq")

    async def ask() -> None:
        pool = EnginePool(sources)
        waiting = (pool.get(ONE, EngineRef("faq", 1)) for _ in range(3))
        failures = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(one) for one in failures] == [Unavailable] * 3
        await pool.get(ONE, EngineRef("faq", 1))
        assert pool._builds == {}

    asyncio.run(ask())
    assert sources.count == 2


def test_each_loop_has_a_pool_and_its_end_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[EnginePool] = []
    close = EnginePool.close

    async def closing(pool: EnginePool) -> None:
        closed.append(pool)
        await close(pool)

    monkeypatch.setattr(EnginePool, "close", closing)
    pools = LoopPools(Sources("flowise", FLOWISE))

    async def ask() -> EnginePool:
        pool = await pools.get()
        await pool.get(ONE, EngineRef("flowise", 1))  # opens a session, which must not be left
        assert pool not in closed
        return pool

    found = [asyncio.run(ask()), asyncio.run(ask())]
    assert found[0] is not found[1]
    assert closed == found
    assert pools._held == {}
