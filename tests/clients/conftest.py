"""A server with a chatflow and a key, and the folder of npm's packages."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.clients import packages
from tests.server.shipped import OWNER, Shipped, start

ANSWER = "Flowlatch is the front door for AI chatflows."


class Door(NamedTuple):
    """What an integration is told."""

    server: Shipped
    chatflow: str
    key: str


@pytest.fixture(scope="session")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A FAQ that knows one answer, and the key that opens it."""
    server = start(tmp_path_factory.mktemp("clients"), OWNER)
    entries = [["What is Flowlatch?", ANSWER]]
    flow = server.do("make_chatflow", team="acme", name="Clients", entries=entries)
    yield Door(server, flow, server.do("make_key", team="acme", name="client", opens=[flow]))
    assert server.stop() == 0


@pytest.fixture(scope="session")
def node_folder(pytestconfig: pytest.Config) -> Path:
    """See packages.folder."""
    assert pytestconfig.cache is not None
    return packages.folder(pytestconfig.cache)
