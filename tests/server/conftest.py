"""One shipped server for the tests of this folder, with a key that opens its sample."""

from collections.abc import Iterator

import pytest

from tests.server.shipped import OWNER, Shipped, start


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
