"""Slow bodies: a client gets its time, more of it for what it sent, and no more."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from chatflows.access.codes import Refused
from chatflows.gate import requests
from chatflows.gate.requests import ASGIMessage, GateRequest, limited

pytestmark = pytest.mark.fast

WITHIN = 0.05  # seconds


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "BODY_WITHIN", WITHIN)


def body(receive: Callable[[], Awaitable[ASGIMessage]]) -> bytes | bytearray:
    scope = {"method": "POST", "headers": [], "query_string": b""}

    async def read() -> bytes | bytearray:
        async with asyncio.timeout(10):
            return await GateRequest(scope, receive, "req_A").body(2**20)

    return asyncio.run(read())


async def silence() -> ASGIMessage:
    await asyncio.Event().wait()
    raise AssertionError


async def dribble() -> ASGIMessage:
    await asyncio.sleep(WITHIN / 10)
    return {"type": "http.request", "body": b"a", "more_body": True}


@pytest.mark.parametrize("receive", [silence, dribble])
def test_a_body_that_does_not_come_in_time_is_given_up(
    receive: Callable[[], Awaitable[ASGIMessage]],
) -> None:
    with pytest.raises(Refused, match="request_timeout"):
        body(receive)


def test_what_came_gives_the_rest_more_time() -> None:
    pieces = [b"a" * requests.SLOWEST, b"b"]

    async def late() -> ASGIMessage:
        if len(pieces) == 1:
            await asyncio.sleep(2 * WITHIN)
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    assert body(late).endswith(b"ab")


@pytest.mark.parametrize("receive", [silence, dribble])
def test_a_page_waits_for_no_body_for_ever(receive: Callable[[], Awaitable[ASGIMessage]]) -> None:
    async def read() -> None:
        async with asyncio.timeout(10):
            receiving = limited(receive, 2**20)
            while True:
                await receiving()

    with pytest.raises(Refused, match="request_timeout"):
        asyncio.run(read())
