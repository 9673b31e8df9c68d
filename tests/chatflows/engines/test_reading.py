"""Reading an upstream's stream: events however they are cut, and the limits of a silence."""

import asyncio
import itertools
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatflows.engines.lines import BOM, LINE_COST, MAX_LINE_BYTES, Lines, Messages, TooLong
from chatflows.engines.upstream import TIMEOUT, Fault, Timeouts, UpstreamCall

pytestmark = pytest.mark.fast

STREAM = (
    b"\xef\xbb\xbfmessage:\r\ndata:{}\n\n:heartbeat\n\r\ndata:\xc3\xa9\r\rid: 7\n"
    b"\xef\xbb\xbfdata: never\n\nfoo: bar\ndata: a\r\ndata:  b\rdata\nretry: 5\n\r\ndata: [DONE]"
)
MESSAGES = [b"{}", b"\xc3\xa9", b"a\n b\n", b"[DONE]"]
DONE = frozenset({b"[DONE]"})


def read(*chunks: bytes) -> list[bytes]:
    messages = Messages(DONE)
    found = [message for chunk in chunks for message in messages.feed(chunk)]
    return [message.data for message in [*found, *messages.end()]]


def test_a_stream_in_any_two_pieces_has_the_same_events() -> None:
    for cut in range(len(STREAM) + 1):
        assert read(STREAM[:cut], STREAM[cut:]) == MESSAGES, cut


@given(st.lists(st.integers(1, 9), max_size=60))
def test_a_stream_in_any_pieces_has_the_same_events(sizes: list[int]) -> None:
    rest, chunks = STREAM, []
    for size in sizes:
        chunks.append(rest[:size])
        rest = rest[size:]
    assert read(*chunks, rest) == MESSAGES


def by_the_standard(stream: bytes) -> list[bytes]:
    """The data of a stream's events, as slowly as the HTML standard says it."""
    found: list[bytes] = []
    data: list[bytes] = []
    for line in re.split(rb"\r\n|\n|\r", stream.removeprefix(BOM))[:-1]:
        name, _, value = line.partition(b":")
        if not line and data:
            found.append(b"\n".join(data))
            data = []
        elif name == b"data":
            data.append(value.removeprefix(b" "))
    return found


@given(
    st.lists(
        st.sampled_from([b"data", b":", b" ", b"\n", b"\r", b"\r\n", b"x", b"id", BOM]), max_size=30
    ),
    st.integers(0, 90),
)
def test_any_stream_is_read_as_the_standard_says(parts: list[bytes], cut: int) -> None:
    stream = b"".join(parts)
    assert read(stream[:cut], stream[cut:]) == by_the_standard(stream)


def test_the_type_of_an_event_is_told_and_ends_with_it() -> None:
    found = [*Messages(DONE).feed(b"event: error\ndata: a\n\ndata: b\n\nevent: x\n\ndata: c\n\n")]
    assert found == [(b"error", b"a"), (b"", b"b"), (b"", b"c")]


def test_the_last_word_waits_for_no_empty_line() -> None:
    assert [*Messages(DONE).feed(b"data: [DONE]\n")] == [(b"", b"[DONE]")]
    assert read(b"data: {") == read(b"data: {\n") == [], "an event that was cut is none"
    assert read(b"data: 7") == [], "it could have been 70"
    assert read(b"data: {}") == read(b"data: {}\n") == [b"{}"]
    assert read(BOM + b"data: {}") == [b"{}"]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b'data: {"a":\ndata: 1}\n\n', [b'{"a":\n1}']),
        (b'data: {"a":\ndata: 1}', [b'{"a":\n1}']),
        (b"data: {}\ndata: {}\n\n", [b"{}", b"{}"]),
        (b"data: {}\ndata: x\n\n", [b"{}", b"x"]),
        (b"data: {}\ndata: x", [b"{}"]),
        (b"data: x\ndata: {}\n\n", [b"x\n{}"]),
        (b"data: {x}\ndata: {}\n\n", [b"{x}\n{}"]),
        (b"data: {\ndata: }\ndata: [DONE]\n", [b"{\n}", b"[DONE]"]),
        (b"data: " + b'{"a":' * 9999 + b"}" * 9999 + b"\ndata: x\n", []),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_data_of_several_lines_is_one_event_unless_a_line_is_whole(
    stream: bytes, events: list[bytes]
) -> None:
    assert read(stream) == events
    assert read(*[bytes([byte]) for byte in stream]) == events


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


@pytest.mark.parametrize("line", [b"data: %s\n" % (b"a" * 1000), b"data\n", b"data:\r"])
def test_an_event_without_end_is_bounded_by_what_it_takes(line: bytes) -> None:
    messages = Messages(DONE)
    stream = itertools.chain.from_iterable(messages.feed(line * 2) for _ in itertools.count())
    with pytest.raises(TooLong):
        next(stream)
    assert sum(len(each) + LINE_COST for each in messages._data) <= MAX_LINE_BYTES + 2 * LINE_COST


@pytest.mark.parametrize("line", [b": still here\n", b"foo: bar\n", b"\n", b"id\r\n"])
def test_lines_that_say_nothing_are_not_kept(line: bytes) -> None:
    messages = Messages(DONE)
    for _ in range(1000):
        assert not [*messages.feed(line * 100)]
    assert messages.are_whole or line.endswith(b"\r")
    assert not messages.lines.rest


class Upstream:
    """A response whose body comes when it is told to."""

    def __init__(self) -> None:
        self.content = self
        self.coming: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(self, size: int) -> bytes:
        """As aiohttp's."""
        return await self.coming.get()


def call(response: Any, **timeouts: float) -> UpstreamCall:
    wait = {"first_byte": 60.0, "idle": 60.0, "total": 600.0, **timeouts}
    return UpstreamCall(response, Timeouts(**wait), asyncio.get_running_loop().time())


@pytest.mark.parametrize("limit", ["first_byte", "idle", "total"])
def test_each_silence_has_its_limit(limit: str) -> None:
    async def story() -> None:
        response = Upstream()
        if limit != "first_byte":
            response.coming.put_nowait(b"a")
        async with asyncio.timeout(5):  # the other timeouts are far away
            with pytest.raises(Fault) as fault:
                await call(response, **{limit: 0.01}).body()
        assert fault.value.failed is TIMEOUT

    asyncio.run(story())
