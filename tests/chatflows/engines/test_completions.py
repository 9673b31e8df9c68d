"""Answers of OpenAI-compatible servers: all of their text, and no success without any."""

import json
from typing import Any

import pytest

from chatflows.access import codes
from chatflows.engines import Done, Event, Failed, Token, Usage
from chatflows.engines.openai import completions
from chatflows.engines.openai.completions import (
    FILTERED,
    NO_TEXT,
    NO_TOKENS_LEFT,
    ODD_END,
    WANTS_TOOL,
    CompletionStream,
)
from chatflows.engines.upstream import CUT, EMPTY, ERROR, Fault

pytestmark = pytest.mark.fast

DONE = b"data: [DONE]\n\n"
HEL = {"type": "text", "text": "Hel"}
THINKS = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
TOOL = [{"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]
MISTRAL = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":'
    b'[{"index":0,"delta":{"content":[{"type":"text","text":"Hel"}]},"finish_reason":null}]}\n\n'
)


def chunk(delta: object, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, **more}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


def read(*chunks: bytes) -> list[Event]:
    stream, events = CompletionStream(), []
    for each in chunks:
        events += stream.feed(each)
        if events and isinstance(events[-1], Done | Failed):
            return events
    return events + stream.end()


def said(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


def whole(message: object, finish: str = "stop", **more: Any) -> list[Event]:
    choice = {"index": 0, "message": message, "finish_reason": finish, **more}
    return completions.whole({"choices": [choice]})


CONTENTS: list[tuple[object, str]] = [
    ([HEL, {"type": "text", "text": "lo"}], "Hello"),
    ([THINKS, HEL], "Hel"),
    ([{"type": "output_text", "text": "Hel"}, IMAGE, "lo"], "Hello"),
    ([{"type": "refusal", "refusal": "No."}], "No."),
    ([{"text": "Hel"}, 7, None, [HEL]], "Hel"),
    (HEL, "Hel"),
]


def test_the_deltas_of_mistral_are_read() -> None:
    lo = chunk({"content": [{"type": "text", "text": "lo"}]})
    assert read(MISTRAL, lo, chunk({}, "stop"), DONE) == [Token("Hel"), Token("lo"), Done()]


@pytest.mark.parametrize(("content", "text"), CONTENTS)
def test_the_text_parts_of_a_content_are_joined(content: object, text: str) -> None:
    assert read(chunk({"content": content}), DONE) == [Token(text), Done()]
    assert whole({"content": content}) == [Token(text), Done()]


@pytest.mark.parametrize(
    ("message", "finish", "why"),
    [
        ({"content": [THINKS]}, "stop", NO_TEXT),
        ({"content": [IMAGE, 7]}, "stop", NO_TEXT),
        ({"content": {"type": "video"}}, "stop", NO_TEXT),
        ({"content": None, "reasoning_content": "Hm."}, "stop", NO_TEXT),
        ({"content": None, "audio": {"transcript": "Hi"}}, "stop", NO_TEXT),
        ({"content": "", "images": [IMAGE]}, "stop", NO_TEXT),
        ({"content": None, "tool_calls": TOOL}, "tool_calls", WANTS_TOOL),
        ({"content": ""}, "content_filter", FILTERED),
        ({"content": [THINKS]}, "length", NO_TOKENS_LEFT),
        ({"content": " \n"}, "stop", EMPTY),
        ({"content": None}, "stop", EMPTY),
        ({}, "stop", EMPTY),
        (None, "stop", EMPTY),
    ],
)
def test_an_answer_without_text_is_a_failure_that_says_why(
    message: object, finish: str, why: Failed
) -> None:
    assert read(chunk(message), chunk({}, finish), DONE)[-1] is why
    assert whole(message, finish) == [why]
    assert why.code is codes.UPSTREAM_INVALID
    assert why.sentence


@pytest.mark.parametrize("choices", [[], None, {}, [None], ["text"], "text"])
def test_an_answer_without_choices_is_none(choices: object) -> None:
    value = {"choices": choices}
    assert read(b"data: " + json.dumps(value).encode() + b"\n\n", DONE) == [EMPTY]
    assert completions.whole(value) == [EMPTY]


@pytest.mark.parametrize(
    ("finish", "told"),
    [
        *(("length", "length"), ("content_filter", "content_filter"), ("model_length", "length")),
        *(("content_filter: RECITATION", "content_filter"), ("SAFETY", "content_filter")),
        *(("sensitive", "content_filter"), ("refusal", "content_filter")),
        *(("MAX_TOKENS", "length"), ("max_output_tokens", "length"), (" Length ", "length")),
        *(("model_context_window_exceeded", "length"), ("token_limit", "length")),
        *(("stop", "stop"), ("eos", "stop"), ("STOP", "stop"), ("end_turn", "stop")),
        *(("stop_sequence", "stop"), ("COMPLETE", "stop"), ("eos_token", "stop")),
        *(("null", "stop"), ("", "stop")),
    ],
)
def test_a_cut_answer_says_by_what_it_was_cut(finish: str, told: str) -> None:
    done = Done(finish_reason=told)
    assert read(chunk({"content": "Hel"}), chunk({}, finish), DONE) == [Token("Hel"), done]
    assert whole({"content": "Hel"}, finish) == [Token("Hel"), done]


@pytest.mark.parametrize(
    ("finish", "why"),
    [
        *(("insufficient_system_resource", CUT), ("network_error", CUT), ("abort", CUT)),
        *(("timeout", CUT), ("cancelled", CUT), ("USER_CANCEL", CUT), ("incomplete", CUT)),
        *(("error", ERROR), ("ERROR", ERROR), ("error: overloaded", ERROR), ("OTHER", ERROR)),
        *(("tool_calls", WANTS_TOOL), ("tool_use", WANTS_TOOL), ("function_call", WANTS_TOOL)),
        *(("nobody_knows", ODD_END), ("stop_it", ODD_END), ("x" * 100_000, ODD_END)),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_an_interrupted_answer_is_no_success(finish: str, why: Failed) -> None:
    text = Token("Let me look that up.")
    said = {"content": text.text}
    assert read(chunk(said), chunk({}, finish), DONE) == [text, why]
    assert read(chunk(said), chunk({}, finish)) == [text, why]
    assert read(chunk(said, finish), chunk({}, "stop"), DONE) == [text, why], "it is not unsaid"
    assert whole(said, finish) == [why]
    assert whole({}, finish) == [why]


@pytest.mark.parametrize("calls", [{"tool_calls": TOOL}, {"function_call": TOOL[0]["function"]}])
def test_a_text_before_a_tool_call_is_not_the_answer(calls: dict[str, Any]) -> None:
    """Ollama and Gemini end such an answer with `stop`."""
    said = {"content": "Let me look that up."}
    assert read(chunk(said), chunk(calls), chunk({}, "stop"), DONE)[-1] is WANTS_TOOL
    assert whole({**said, **calls}) == [WANTS_TOOL]
    assert whole({**said, "tool_calls": [], "function_call": None})[-1] == Done()


def test_a_reason_on_every_chunk_is_not_the_end_before_the_last() -> None:
    first, last = chunk({"content": "Hel"}, "stop"), chunk({"content": "lo"}, "length")
    assert read(first, last, DONE)[-1] == Done(finish_reason="length")
    assert read(chunk({"content": "Hel"}, "null"), chunk({"content": "lo"}, "null"))[-1] is CUT


def test_choices_of_the_one_answer_are_joined_and_others_left_out() -> None:
    def choice(text: str, **index: object) -> dict[str, Any]:
        return {"delta": {"content": text}, "message": {"content": text}, **index}

    for choices, text in [
        ([choice("Hel", index=0), choice("lo", index=0)], "Hello"),
        ([choice("Hel"), choice("lo", index=None)], "Hello"),
        ([choice("no", index=1), choice("Hello", index=0)], "Hello"),
        ([choice("Hello", index=0), choice("no", index=1, finish_reason="length")], "Hello"),
    ]:
        value = {"choices": choices}
        assert read(b"data: " + json.dumps(value).encode() + b"\n\n", DONE) == [
            *(Token(text), Done())
        ]
        assert completions.whole(value) == [Token(text), Done()]
    assert completions.whole({"choices": [choice("no", index=1)]}) == [EMPTY]


def test_a_refusal_is_the_text_of_the_answer() -> None:
    assert said(read(chunk({"content": None, "refusal": "I "}), chunk({"refusal": "can't."}), DONE))
    assert whole({"content": None, "refusal": "I can't."}) == [Token("I can't."), Done()]


def test_older_and_odd_servers_are_read() -> None:
    text = b'data: {"choices":[{"text":"Hel","index":0}]}\n\n'
    assert read(text, DONE) == [Token("Hel"), Done()]
    assert completions.whole({"choices": [{"text": "Hel"}]}) == [Token("Hel"), Done()]
    at_the_end = b'data: {"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}\n\n'
    assert read(at_the_end) == [Token("Hello"), Done()]
    assert said(read(chunk({"content": "Hello"}), at_the_end)) == "Hello", "not twice"


@pytest.mark.parametrize(
    "error",
    [
        b'data: {"error":{"message":"overloaded"}}\n\n',
        b'data: {"object":"error","message":"overloaded"}\n\n',
        b'event: error\ndata: {"message":"overloaded"}\n\n',
        b'data: {"choices":[{"delta":{},"finish_reason":"error"}]}\n\n',
        b'data: {"choices":[{"delta":{},"error":{"code":502,"message":"overloaded"}}]}\n\n',
        b'event: error\ndata: {"error":{"message":"no slot"}}\n',
    ],
)
def test_an_error_in_the_middle_ends_the_answer_as_a_failure(error: bytes) -> None:
    assert read(chunk({"content": "Hel"}), error, DONE) == [Token("Hel"), ERROR]


def test_an_error_in_place_of_a_whole_answer_is_a_failure() -> None:
    with pytest.raises(Fault) as fault:
        completions.whole({"error": {"message": "no"}, "choices": []})
    assert fault.value.failed is ERROR


def test_the_oddities_of_servers_that_worked_still_work() -> None:
    stream = (
        b"\xef\xbb\xbf: OPENROUTER PROCESSING\r\n\r\nretry: 3\r\nid: 1\r\nfoo: bar\r\n"
        b'data: {"choices":[],"prompt_filter_results":[]}\r\n\r\n'
        + chunk({"role": "assistant", "content": ""})
        + chunk({"content": "Hel"}).replace(b"\n", b"\r\n")
        + chunk({"content": "lo"}).replace(b"data: ", b"data:").replace(b"\n", b"\r")
        + b'data: {"choices":[{"finish_reason":"stop"}]}\n\n'
        + b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n'
    )
    expected = [Token("Hel"), Token("lo"), Usage(1, 2), Done()]
    assert read(stream) == expected
    assert read(stream, b"data: [DONE]") == expected
    assert read(*[bytes([byte]) for byte in stream]) == expected


HELLO = [Token("Hel"), Token("lo"), Done()]
HEL_CHUNK, LO_CHUNK = chunk({"content": "Hel"}), chunk({"content": "lo"}, "stop")


@pytest.mark.parametrize(
    "stream",
    [
        HEL_CHUNK + LO_CHUNK + b"data: [DONE] \n\n",
        HEL_CHUNK + LO_CHUNK + b"data:  [DONE]\r\n\r\n",
        HEL_CHUNK + LO_CHUNK + b"data:[DONE]\t",
        HEL_CHUNK + LO_CHUNK[:-1],
        HEL_CHUNK + LO_CHUNK[:-2],
        HEL_CHUNK + LO_CHUNK[:-2] + b"\r",
        HEL_CHUNK[:-1] + LO_CHUNK[:-1] + b"data: [DONE]\n",
        HEL_CHUNK[:-1] + LO_CHUNK[:-1] + b"data: [DONE]",
        HEL_CHUNK[:-1] + LO_CHUNK[:-1],
        HEL_CHUNK[:-1] + b"data: \n" + LO_CHUNK[:-2],
        HEL_CHUNK + LO_CHUNK[:-1] + b"data: [DONE]\n\n",
        HEL_CHUNK[:-2] + b"\r" + LO_CHUNK[:-2] + b"\rdata: [DONE]\r",
    ],
)
def test_events_without_an_empty_line_between_them_are_read(stream: bytes) -> None:
    assert read(stream) == HELLO
    for cut in range(len(stream)):
        assert read(stream[:cut], stream[cut:]) == HELLO, cut
    assert read(*[bytes([byte]) for byte in stream]) == HELLO


def test_a_chunk_that_needs_no_empty_line_leaves_when_the_next_comes() -> None:
    stream = CompletionStream()
    assert stream.feed(HEL_CHUNK[:-1]) == []
    assert stream.feed(LO_CHUNK[:-1]) == [Token("Hel")]
    assert stream.feed(b"data: [DONE]\n") == [Token("lo"), Done()]


@pytest.mark.parametrize("length", range(1, len(LO_CHUNK) - 2))
def test_a_chunk_that_was_cut_off_is_never_read(length: int) -> None:
    assert read(HEL_CHUNK + LO_CHUNK[:length]) == [Token("Hel"), CUT]
    assert read(HEL_CHUNK[:-1] + LO_CHUNK[:length]) == [Token("Hel"), CUT]


OLLAMA = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m",'
    b'"system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant",'
    b'"content":"%b"},"finish_reason":%b}]}\n\n'
)
GEMINI = (
    b'data: {"choices":[{"delta":{"content":"%b","role":"assistant"},"finish_reason":%b,'
    b'"index":0}],"created":1,"id":"a","model":"g","object":"chat.completion.chunk"}\n\n'
)
OPENROUTER = (
    b": OPENROUTER PROCESSING\n\n"
    b'data: {"id":"gen-1","provider":"X","choices":[{"index":0,"delta":{"role":"assistant",'
    b'"content":"%b"},"finish_reason":%b,"native_finish_reason":"STOP","logprobs":null}]}\n\n'
)
AZURE = (
    b'data: {"choices":[{"content_filter_offsets":{},"content_filter_results":{},"delta":'
    b'{"content":"%b"},"finish_reason":%b,"index":0,"logprobs":null}],"model":"m","usage":null}\n\n'
)


@pytest.mark.parametrize("server", [OLLAMA, GEMINI, OPENROUTER, AZURE])
@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n"])
def test_the_streams_of_well_known_servers_are_read(server: bytes, end: bytes) -> None:
    stream = server % (b"Hel", b"null") + server % (b"lo", b'"stop"') + end
    assert read(stream) == HELLO


def test_a_stream_that_ends_without_a_word_about_it_was_cut() -> None:
    assert read(chunk({"content": "Hel"}))[-1] is CUT
