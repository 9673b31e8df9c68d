"""Reading an upstream's stream: lines however they are cut, and signs of life in a silence."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatflows.engines import upstream
from chatflows.engines.lines import MAX_LINE_BYTES, Lines, TooLong
from chatflows.engines.upstream import TIMEOUT, Fault, Timeouts, UpstreamCall

pytestmark = pytest.mark.fast

STREAM = b"message:\r\ndata:{}\n\n:heartbeat\n\r\ndata:\xc3\xa9\r\r\nrest"
FOUND = [b"message:", b"data:{}", b"", b":heartbeat", b"", b"data:\xc3\xa9\r"]


def test_a_stream_in_any_two_pieces_has_the_same_lines() -> None:
    for cut in range(len(STREAM) + 1):
        lines = Lines()
        assert lines.feed(STREAM[:cut]) + lines.feed(STREAM[cut:]) == FOUND, cut


@given(st.lists(st.integers(1, 9), max_size=40))
def test_a_stream_in_any_pieces_has_the_same_lines(sizes: list[int]) -> None:
    lines, rest, found = Lines(), STREAM, []
    for size in sizes:
        found += lines.feed(rest[:size])
        rest = rest[size:]
    assert found + lines.feed(rest) == FOUND


@given(st.binary(max_size=60), st.integers(0, 60))
def test_lines_are_what_stands_between_line_feeds(content: bytes, cut: int) -> None:
    lines = Lines()
    found = lines.feed(content[:cut]) + lines.feed(content[cut:])
    assert found == [line.removesuffix(b"\r") for line in content.split(b"\n")[:-1]]


def test_a_line_of_a_megabyte_comes_through_and_one_over_the_limit_does_not() -> None:
    line = b"a" * 1024
    lines = Lines()
    for _ in range(1024):
        assert lines.feed(line) == []
    assert lines.feed(b"\nb") == [line * 1024]
    lines = Lines()
    for _ in range(MAX_LINE_BYTES // 1024):
        lines.feed(line)
    with pytest.raises(TooLong):
        lines.feed(b"a")


class Upstream:
    """A response whose body comes when it is told to."""

    def __init__(self) -> None:
        self.content = self
        self.coming: asyncio.Queue[bytes] = asyncio.Queue()

    async def readany(self) -> bytes:
        """As aiohttp's."""
        return await self.coming.get()


def call(response: Any, **timeouts: float) -> UpstreamCall:
    wait = {"first_byte": 60.0, "idle": 60.0, "total": 600.0, **timeouts}
    return UpstreamCall(response, Timeouts(**wait), asyncio.get_running_loop().time())


def test_each_silence_has_its_heartbeats_but_none_comes_before_the_first_byte(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert upstream.HEARTBEAT == 15
    monkeypatch.setattr(upstream, "HEARTBEAT", 0.001)

    async def story() -> None:
        response = Upstream()
        reading = call(response)
        first = asyncio.ensure_future(reading.read())
        _, waiting = await asyncio.wait([first], timeout=0.02)  # twenty heartbeats long
        assert waiting
        response.coming.put_nowait(b"a")
        assert await first == b"a"
        assert [await reading.read() for _ in range(3)] == [None] * 3
        response.coming.put_nowait(b"b")
        assert await reading.read() == b"b"
        assert await reading.read() is None
        response.coming.put_nowait(b"")
        assert await reading.read() == b""

    asyncio.run(story())


@pytest.mark.parametrize("limit", ["first_byte", "idle", "total"])
def test_heartbeats_do_not_lengthen_the_patience(
    monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(upstream, "HEARTBEAT", 0.001)

    async def story() -> None:
        response = Upstream()
        if limit != "first_byte":
            response.coming.put_nowait(b"a")
        async with asyncio.timeout(5):  # the other timeouts are far away
            with pytest.raises(Fault) as fault:
                await call(response, **{limit: 0.01}).body()
        assert fault.value.failed is TIMEOUT

    asyncio.run(story())
