"""A Flowise server's event stream: the same events however it is cut, and none that is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatflows.access import codes
from chatflows.engines import Done, Event, Failed, Frame
from chatflows.engines.flowise.stream import FlowiseStream
from chatflows.engines.upstream import CUT, EMPTY, INVALID, TOO_LARGE, UNAUTHORIZED

pytestmark = pytest.mark.fast

THREAD = b"0f8c2f4e-8f5e-4f0e-9f4e-0f8c2f4e8f5e"
ALIASES = [(THREAD, b"chat-1")]
END = b'message:\ndata:{"event":"end","data":"[DONE]"}\n\n'


def token(text: bytes) -> bytes:
    return b'message:\ndata:{"event":"token","data":"' + text + b'"}\n\n'


ANSWER = (
    b'message:\ndata:{"event":"start","data":"Hi"}\n\n'
    + token(b"Hi")
    + token(b" th\xc3\xa9re")
    + token(rb" \"quoted\" \ud83d\ude00")
    + b":heartbeat\n\n"
    + token(b"")
    + token(b" " + THREAD)
    + b'message:\r\ndata: {"event":"sourceDocuments","data":[{"pageContent":"p"}]}\r\n\r\n'
    + token(b" end")
    + END
)
TEXT = 'Hi thére "quoted" 😀 chat-1 end'


def read(*chunks: bytes) -> list[Event]:
    stream: FlowiseStream = FlowiseStream(ALIASES)
    events: list[Event] = []
    for chunk in chunks:
        events += stream.feed(chunk)
        if events and isinstance(events[-1], Done | Failed):
            break
    return events


def frames(events: list[Event]) -> list[Frame]:
    return [event for event in events if isinstance(event, Frame)]


def told(events: list[Event]) -> bytes:
    return b"".join(frame.raw for frame in frames(events))


def said(events: list[Event]) -> str:
    return "".join(frame.text for frame in frames(events) if frame.name == "token")


@given(st.lists(st.integers(0, len(ANSWER)), max_size=30))
def test_an_answer_in_any_pieces_says_the_same(cuts: list[int]) -> None:
    ends = [*sorted(cuts), len(ANSWER)]
    events = read(*(ANSWER[a:b] for a, b in zip([0, *ends], ends, strict=False)))
    assert said(events) == TEXT
    assert told(events) == told(read(ANSWER))
    assert events[-1] == Done()


def test_what_a_client_reads_is_what_flowise_wrote() -> None:
    plain = token(b"a") + token(b"b\xc3\xa9")
    assert told(read(plain + END)) == plain
    (together,) = read(plain)
    assert together == Frame("token", plain, "abé")


def test_the_upstreams_names_are_never_told() -> None:
    events = read(token(b"It is "), token(b"in " + THREAD), END)
    assert said(events) == "It is in chat-1"
    assert THREAD not in told(events)


@pytest.mark.parametrize(
    "bad",
    [
        token(b"\xff"),
        token(b"line\nbreak"),
        token(b"a\x00b"),
        token(b"a").replace(b"}", b""),
        b'message:\ndata:{"event":7}\n\n',
        b"message:\ndata:[]\n\n",
        b"data:NaN\n\n",
    ],
)
def test_what_is_no_event_ends_the_answer_after_what_was_good(bad: bytes) -> None:
    for chunks in ([token(b"good") + bad], [token(b"good"), bad]):
        events = read(*chunks, token(b"never told"))
        assert events[-1] is INVALID
        assert said(events) == "good"


def test_a_line_without_end_ends_the_answer() -> None:
    assert read(token(b"good"), *[b"x" * 2**20] * 3)[-1] is TOO_LARGE


def test_an_error_of_flowise_is_told_and_counts_as_a_failure() -> None:
    error = b'message:\ndata:{"event":"error","data":"No model."}\n\n'
    events = read(error + END)
    assert told(events) == error
    assert events[-1] == Failed(codes.UPSTREAM_ERROR, "No model.", is_told=True)


def test_a_refused_key_is_ours_to_explain_but_only_before_the_first_word() -> None:
    refused = b'message:\ndata:{"event":"error","data":"Error: Unauthorized"}\n\n'
    assert read(refused) == [UNAUTHORIZED]
    assert told(read(token(b"a"), refused, END)) == token(b"a") + refused


def test_an_answer_of_another_servers_stream_is_read_as_the_standard_says() -> None:
    frame = b'\xef\xbb\xbfretry: 7\r\nfoo: bar\rdata: {"event":"token",\rdata: "data":"Hi"}\r\r'
    events = read(frame, b'data: {"event":"end","data":"[DONE]"}')
    assert told(events) == token(b"Hi")


@pytest.mark.parametrize(
    "end",
    [
        b'data: {"event": "end", "data": "[DONE]"}',
        b'data: {"event": "end", "data": "[DONE]"}\n',
        b'data:  {"event":"end","data":"[DONE]"} \n',
        b'message:\r\ndata: {"data":"[DONE]","event":"end"}\r',
    ],
)
def test_the_end_needs_no_empty_line_however_it_is_spelled(end: bytes) -> None:
    for frame in (token(b"Hi"), token(b"Hi")[:-1]):
        assert ended(frame + end) == [Frame("token", token(b"Hi"), "Hi", "Hi"), Done()]
        for length in range(end.index(b"}")):
            assert ended(frame + end[:length])[-1] is CUT


def ended(stream: bytes) -> list[Event]:
    reading = FlowiseStream()
    events = reading.feed(stream)
    if not isinstance(events[-1] if events else None, Done | Failed):
        events += reading.end()
    for event in events:
        if isinstance(event, Frame):
            event.data = event.data or event.text  # the quick way parses none
    return events


@pytest.mark.parametrize(
    "frames_",
    [
        b"",
        token(b" ") + token(rb"\n"),
        b'data:{"event":"start","data":"x"}\n\ndata:{"event":"metadata","data":{"chatId":"c"}}\n\n',
        b'data:{"event":"usedTools","data":[]}\n\n',
        b'data:{"event":"token","data":null}\n\n',
    ],
)
def test_an_answer_that_shows_nothing_is_no_success(frames_: bytes) -> None:
    assert read(frames_ + END)[-1] is EMPTY


@pytest.mark.parametrize("name", ["artifacts", "action", "agentFlowExecutedData", "usedTools"])
def test_an_answer_may_show_something_else_than_text(name: str) -> None:
    assert read(b'data:{"event":"%s","data":[{"a":1}]}\n\n' % name.encode() + END)[-1] == Done()


def test_a_run_that_was_stopped_upstream_is_no_success() -> None:
    stopped = read(token(b"Hi") + b'data:{"event":"abort","data":"[DONE]"}\n\n' + END)
    assert stopped[-1] == Failed(codes.UPSTREAM_CUT, is_told=True)
