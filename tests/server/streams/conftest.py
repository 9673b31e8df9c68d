"""A chatflow that a Flowise server answers, and a key for it."""

import pytest

from tests.server.world import World


@pytest.fixture(scope="module")
def flow(world: World) -> str:
    return world.flowise_flow()


@pytest.fixture(scope="module")
def key(world: World, flow: str) -> str:
    return world.key(flow)
