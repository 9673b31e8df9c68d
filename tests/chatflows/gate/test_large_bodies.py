"""Large bodies: counted for the whole process, half of it open to strangers, read in turn."""

import asyncio
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from chatflows.access.codes import Refused
from chatflows.gate.large_bodies import AT_ONCE, LARGE, LargeBodies, large_bodies
from chatflows.gate.requests import ASGIMessage, GateRequest

pytestmark = pytest.mark.fast

ROOM = 4 * LARGE


@pytest.fixture(autouse=True)
def _room(settings: Settings) -> Iterator[None]:
    settings.MAX_BUFFERED_BYTES = ROOM
    yield
    assert large_bodies.held == 0, "what was taken is given back"


def request(*pieces: bytes, length: int | None = None) -> GateRequest:
    """A request whose body comes in pieces."""
    left = [*pieces]

    async def receive() -> ASGIMessage:
        assert left, "nothing more was to be read"
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    announced = [] if length is None else [(b"content-length", str(length).encode())]
    scope = {"method": "POST", "headers": announced, "query_string": b""}
    return GateRequest(scope, receive, "req_A")


def test_small_bodies_count_nothing() -> None:
    received = request(b"x" * LARGE)
    assert len(asyncio.run(received.body(ROOM))) == LARGE
    assert large_bodies.held == 0


def test_a_large_body_counts_until_it_is_let_go() -> None:
    received = request(b"x" * LARGE, b"x", b"x")
    assert len(asyncio.run(received.body(ROOM))) == large_bodies.held == LARGE + 2
    received.let_go()
    received.let_go()
    assert large_bodies.held == 0


def test_over_the_room_nothing_that_is_announced_is_read() -> None:
    for is_stranger, room in ((False, ROOM), (True, ROOM // 2)):
        with pytest.raises(Refused, match="Too many large bodies"):
            asyncio.run(request(length=room + 1).body(2 * ROOM, is_stranger=is_stranger))


def test_over_the_room_an_unannounced_body_is_given_up() -> None:
    received = request(*[b"x" * LARGE] * 4, b"x", b"never read")
    with pytest.raises(Refused, match="Too many large bodies"):
        asyncio.run(received.body(2 * ROOM))
    assert large_bodies.held == ROOM
    received.let_go()


def test_strangers_shut_out_nobody_with_a_key() -> None:
    stranger, integration = request(b"x" * (ROOM // 2)), request(b"x" * (ROOM // 2))
    asyncio.run(stranger.body(ROOM, is_stranger=True))
    with pytest.raises(Refused, match="Too many large bodies"):
        asyncio.run(request(b"x" * (LARGE + 1)).body(ROOM, is_stranger=True))
    asyncio.run(integration.body(ROOM))
    for each in (stranger, integration):
        each.let_go()


def test_between_two_large_bodies_the_loop_serves_others() -> None:
    said: list[str] = []

    async def tick() -> None:
        while True:
            said.append("tick")
            await asyncio.sleep(0)

    async def read(bodies: LargeBodies) -> None:
        await bodies.read(len, b"x" * (AT_ONCE + 1))
        said.append("read")

    async def story() -> None:
        ticking = asyncio.create_task(tick())
        bodies = LargeBodies()
        for _ in range(3):
            await read(bodies)
        assert await bodies.read(len, b"small") == 5
        ticking.cancel()

    asyncio.run(story())
    told = [word for word, last in zip(said, ["", *said], strict=False) if word != last]
    assert told[-6:] == ["tick", "read"] * 3
