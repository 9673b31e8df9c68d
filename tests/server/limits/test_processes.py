"""Limits of several processes: together with a Valkey, apart without one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.accounts.limits.conftest import Store, store  # noqa: F401 (a fixture)
from tests.server import workers
from tests.server.limits import floods
from tests.server.limits.floods import Pair
from tests.server.shipped import OWNER, Shipped, start
from tests.server.world import eventually

pytestmark = [pytest.mark.server, pytest.mark.valkey]

PROCESSES = 4


@pytest.fixture
def together(tmp_path: Path, store: Store) -> Iterator[Shipped]:  # noqa: F811
    """Four processes before one Valkey."""
    env = {**OWNER, "WEB_CONCURRENCY": str(PROCESSES), "LIMITS_URL": store.url}
    server = start(tmp_path / "data", env)
    assert eventually(lambda: len(workers.pids(server)) == PROCESSES)
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.log


def test_four_processes_let_in_exactly_the_limit_together(together: Shipped) -> None:
    mine = floods.pair(together)
    mine.limit_key(limit_minute=100)
    assert floods.statuses(mine.ask, 140) == {200: 100, 429: 40}
    refused = mine.ask()
    assert refused.headers["ratelimit"].startswith('"key-minute";r=0;t=')
    assert 1 <= int(refused.headers["retry-after"]) <= 61


@pytest.mark.large
def test_a_store_that_goes_away_refuses_nobody_for_its_sake_and_opens_nothing(
    together: Shipped,
    store: Store,  # noqa: F811
) -> None:
    mine, other = floods.pair(together), floods.pair(together)
    mine.limit_key(limit_minute=40)
    assert floods.statuses(mine.ask, 60) == {200: 40, 429: 20}
    store.kill()
    assert other.ask().status == 200
    # Each process lets in a quarter of the limit, less what it let in itself before.
    assert floods.statuses(mine.ask, 120)[200] <= 40
    other.limit_key(limit_minute=40)
    assert 10 <= floods.statuses(other.ask, 120)[200] <= 40
    store.start()
    assert eventually(lambda: "limits are shared again" in together.log or _asked(other))


def _asked(other: Pair) -> bool:
    other.ask()
    return False


@pytest.mark.large
def test_without_a_store_the_start_says_how_far_a_limit_can_be_exceeded(tmp_path: Path) -> None:
    server = start(tmp_path / "data", {**OWNER, "WEB_CONCURRENCY": str(PROCESSES)})
    try:
        assert f"exceeded up to {PROCESSES} times" in server.log
        mine = floods.pair(server)
        mine.limit_key(limit_minute=20)
        let_in = floods.statuses(mine.ask, 120)[200]
        assert 20 <= let_in <= 20 * PROCESSES
    finally:
        assert server.stop() == 0
