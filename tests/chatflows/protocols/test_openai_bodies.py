"""Bodies of chat completions: what is read, what is ignored, and what is refused by name."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatflows.engines import ChatMessage
from chatflows.protocols.json_bodies import InvalidBody, load_object
from chatflows.protocols.openai import bodies

pytestmark = pytest.mark.fast

HI: dict[str, Any] = {"role": "user", "content": "Hi"}
ID = "0198c2f4-1c2b-4d5e-8f90-abcdef123456"


def body(**fields: Any) -> dict[str, Any]:
    return {"model": ID, "messages": [HI], **fields}


def test_a_conversation_is_read_with_its_roles() -> None:
    messages = [
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}],
        },
        {"role": "assistant", "content": "Hi.", "refusal": None, "tool_calls": []},
        {"role": "user", "content": "Why?", "name": "alice"},
    ]
    read = bodies.read(body(messages=messages, stream=True))
    assert read.messages == (
        ChatMessage("system", "Be brief."),
        ChatMessage("user", "Hello"),
        ChatMessage("assistant", "Hi."),
        ChatMessage("user", "Why?"),
    )
    assert (read.question, read.is_streaming, read.has_usage) == ("Why?", True, False)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": None, "refusal": "No."}, "No."),
        ({"content": [{"type": "refusal", "refusal": "No."}]}, "No."),
        ({"content": None, "refusal": None, "audio": {"id": "a1"}}, ""),
        ({}, ""),
    ],
)
def test_an_earlier_answer_may_be_a_refusal_or_no_text(message: Any, text: str) -> None:
    messages = [HI, {"role": "assistant", **message}, HI]
    assert bodies.read(body(messages=messages)).messages[1] == ChatMessage("assistant", text)


def test_the_question_is_the_last_of_the_user() -> None:
    messages = [HI, {"role": "assistant", "content": "Well,"}]
    assert bodies.read(body(messages=messages)).question == "Hi"


def test_what_clients_send_along_is_ignored() -> None:
    more = {
        "temperature": 0.2,
        "max_tokens": "many",
        "user": 7,
        "n": 1,
        "stop": ["x"],
        "tools": [],
        "tool_choice": "auto",
        "stream": None,
        "stream_options": None,
        "response_format": {"type": "text"},
        "unheard_of": {"a": [1]},
    }
    read = bodies.read(body(**more))
    assert not read.is_streaming
    assert bodies.read(body(stream_options={"include_usage": True})).has_usage


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"type": "function"}], "tool_choice": "none"},
        {"functions": [{}], "function_call": "none"},
        {"response_format": {"type": "text", "strict": True}},
    ],
    ids=str,
)
def test_who_wants_no_tool_is_answered(fields: dict[str, Any]) -> None:
    assert bodies.read(body(**fields)).question == "Hi"


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (b'{"messages": [{"role": "user", "content": "\\ud83d"}]}', r"messages\[0\].content"),
        (b'{"temperature": 1e400}', "temperature"),
        (b'{"metadata": {"\\ud83d": 1}}', "metadata"),
        (b'{"seed": ' + b"9" * 5000 + b"}", "seed"),
    ],
)
def test_every_text_and_number_is_one_that_others_can_read(raw: bytes, named: str) -> None:
    with pytest.raises(InvalidBody, match=named):
        load_object(raw)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": {}}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": ["Hi"]}, "messages[0]"),
        ({"messages": [HI, {"role": "tool", "content": "x"}]}, "messages[1].role"),
        ({"messages": [{"content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"role": ["user"], "content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "refusal": "No."}]}, "messages[0].content"),
        ({"messages": [HI, {"role": "assistant", "refusal": 7}]}, "messages[1].content"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [HI]}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["Hi"]}]}, "messages[0].content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages[0].content",
        ),
        ({"messages": [{"role": "user", "content": "a\0b"}]}, "messages[0].content"),
        (
            {"messages": [{"role": "user", "content": "x" * (128 * 1024 + 1)}]},
            "messages[0].content",
        ),
        ({"messages": [{"role": "user", "content": " "}]}, "last message of the user"),
        ({"messages": [{"role": "system", "content": "Hi"}]}, "messages"),
        ({"messages": [HI, {**HI, "role": "assistant", "tool_calls": [{}]}]}, "messages[1]"),
        ({"messages": [HI] * 2001}, "messages"),
        ({"stream": "true"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"stream_options": []}, "stream_options"),
        ({"stream_options": {"include_usage": "yes"}}, "stream_options.include_usage"),
        ({"n": 2}, "n"),
        ({"n": True}, "n"),
        ({"n": 0}, "n"),
        ({"n": "1"}, "n"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"tools": [{}], "tool_choice": "auto"}, "tools"),
        ({"tools": [{}], "tool_choice": ["none"]}, "tools"),
        ({"tools": [{}], "function_call": "none"}, "tools"),
        ({"functions": [{}]}, "functions"),
        ({"audio": {"voice": "x"}, "tool_choice": "none", "": "none"}, "audio"),
        ({"response_format": {"type": ["text"]}}, "response_format"),
        ({"response_format": "text"}, "response_format"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_cannot_be_answered_is_refused_with_its_name(
    fields: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidBody) as error:
        bodies.read(body(**fields))
    assert named in str(error.value)


def test_a_model_is_a_chatflows_id_and_nothing_else() -> None:
    assert bodies.chatflow_id(bodies.model({"model": ID})) == UUID(ID)
    for other in ("", "gpt-4o", ID.upper(), f"{{{ID}}}", ID.replace("-", ""), f"urn:uuid:{ID}"):
        assert bodies.chatflow_id(bodies.model({"model": other})) is None
    for wrong in (None, 7, [ID], {"id": ID}, "x" * 201):
        with pytest.raises(InvalidBody, match="model"):
            bodies.model({"model": wrong})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["messages", "stream", "stream_options", "n", "tools", "response_format"])
ROLED = st.fixed_dictionaries({"role": st.sampled_from(["user", "system"]) | JSON, "content": JSON})


@given(st.dictionaries(NAMES, JSON | st.lists(ROLED, max_size=3)))
def test_whatever_is_sent_is_read_or_refused(fields: dict[str, Any]) -> None:
    try:
        read = bodies.read(fields)
    except InvalidBody:
        return
    assert read.question.strip()
    assert any(message.role == "user" for message in read.messages)
