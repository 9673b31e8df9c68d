"""One shipped server for the tests of this folder, with a key that opens its sample."""

from collections.abc import Iterator

import pytest

from tests.chatflows.engines.upstreams import KEY, hosting
from tests.server.shipped import OWNER, Shipped, start
from tests.server.world import LIMITS, World


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    """Acme's server, owned by alice."""
    running = start(tmp_path_factory.mktemp("shipped"), OWNER)
    yield running
    assert running.stop() == 0
    assert "Traceback" not in running.log


@pytest.fixture(scope="session")
def key(server: Shipped) -> str:
    """The text of a key that opens the sample chatflow."""
    text: str = server.do("make_key", team="acme", name="integration", opens=[server.chatflow])
    return text


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Acme's server before upstreams."""
    with hosting() as host:
        running = start(tmp_path_factory.mktemp("upstreams"), {**OWNER, **LIMITS})
        yield World(running, host)
        assert running.stop() == 0
        assert "Traceback" not in running.log
        assert KEY not in running.log
