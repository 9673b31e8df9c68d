"""Bodies as real clients send them: read as they were meant, and never half understood."""

import json
from typing import Any

import pytest

from tests.chatflows.protocols.forms import FORMS, Form
from tests.server.shipped import Answer
from tests.server.streams.answers import events
from tests.server.world import World

pytestmark = pytest.mark.server

HI = b'{"question":"say hi"}'
BOM = b"\xef\xbb\xbf"


class Asker:
    """Asks one chatflow with its key."""

    def __init__(self, world: World, flow: str, key: str) -> None:
        self.world, self.flow, self.key = world, flow, key

    def __call__(self, body: bytes, media_type: str = "application/json") -> Answer:
        """Send a prediction with a body as it is."""
        head = {"Authorization": f"Bearer {self.key}", "Content-Type": media_type}
        return self.world.server.request("POST", f"/api/v1/prediction/{self.flow}", body, head)

    def complete(self, **fields: Any) -> Answer:
        """Send a chat completion."""
        messages = [{"role": "user", "content": "say hi"}]
        body = json.dumps({"model": self.flow, "messages": messages, **fields}).encode()
        head = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        return self.world.server.request("POST", "/v1/chat/completions", body, head)


@pytest.fixture(scope="module")
def flowise(world: World) -> Asker:
    flow = world.flowise_flow()
    return Asker(world, flow, world.key(flow))


@pytest.fixture(scope="module")
def faq(world: World) -> Asker:
    entries = [["say hi", "Hello"]]
    flow = world.server.do("make_chatflow", team="acme", name="Bodies", entries=entries)
    return Asker(world, flow, world.key(flow))


@pytest.mark.parametrize("sent", FORMS.values(), ids=FORMS)
def test_a_form_reaches_flowise_whatever_client_sends_it(flowise: Asker, sent: Form) -> None:
    answer = flowise(sent.content, sent.content_type.decode())
    assert (answer.status, answer.json()["text"]) == (200, sent.question.removeprefix("say "))
    seen = flowise.world.flowise.seen[-1]
    assert list(seen.files.values()) == [b"abc"]
    assert [name.rpartition("/")[2] for name in seen.files] == [sent.file_type.rpartition("/")[2]]


def test_a_cut_form_reaches_nobody(flowise: Asker) -> None:
    count = len(flowise.world.flowise.seen)
    for sent in FORMS.values():
        cut = sent.content[: -len(b"--\r\n")]
        answer = flowise(cut, sent.content_type.decode())
        assert (answer.status, answer.json()["code"]) == (400, "invalid_body")
    assert len(flowise.world.flowise.seen) == count


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json;charset=utf8",
        "application/json; charset=UTF-8;",
        "application/json;odata=verbose",
        "application/json; charset=us-ascii",
        'application/json; charset="utf-8"',
    ],
)
def test_a_media_type_is_read_in_every_spelling(
    faq: Asker, flowise: Asker, media_type: str
) -> None:
    for ask in (faq, flowise):
        assert ask(HI, media_type).status == 200
        assert ask(HI, media_type.replace("json", "xml")).status == 415


def test_two_media_types_are_told_at_each_route(faq: Asker, flowise: Asker) -> None:
    for ask in (faq, flowise):
        head = {"Content-Type": "application/json", "content-type": "text/plain"}
        head["Authorization"] = f"Bearer {ask.key}"
        for path in (f"/api/v1/prediction/{ask.flow}", "/v1/chat/completions"):
            answer = ask.world.server.request("POST", path, HI, head)
            assert answer.status == 400
            assert b"Send one Content-Type." in answer.body


@pytest.mark.parametrize("chat_id", [491701234567, -1001234567890, 10**30])
def test_a_number_names_a_conversation_by_its_text(
    faq: Asker, flowise: Asker, chat_id: int
) -> None:
    for ask in (faq, flowise):
        named: dict[str, Any] = {"question": "say hi", "chatId": chat_id}
        assert ask(json.dumps(named).encode()).json()["chatId"] == str(chat_id)
        named = {"question": "say hi", "overrideConfig": {"sessionId": chat_id}}
        assert ask(json.dumps(named).encode()).json()["sessionId"] == str(chat_id)


def test_a_byte_order_mark_is_no_part_of_the_json(faq: Asker, flowise: Asker) -> None:
    for ask in (faq, flowise):
        assert ask(BOM + HI).status == 200
        refused = ask(HI.decode().encode("utf-16"))
        assert (refused.status, "UTF-16" in refused.json()["message"]) == (400, True)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        (b'"history":[{"content":"\\ud83d","role":"userMessage"}]', "history[0].content"),
        (b'"overrideConfig":{"vars":{"a":"\\ud83d"}}', "overrideConfig.vars.a"),
        (b'"overrideConfig":{"vars":{"\\ud83d":"a"}}', "overrideConfig.vars"),
        (b'"overrideConfig":{"vars":{"a":1e400}}', "overrideConfig.vars.a"),
        (b'"form":{"a":"\\ud83d"}', "form.a"),
        (b'"form":{"a":' + b"9" * 5000 + b"}", "form.a"),
    ],
)
def test_what_is_no_text_or_number_reaches_nobody(
    flowise: Asker, fields: bytes, named: str
) -> None:
    count = len(flowise.world.flowise.seen)
    answer = flowise(b'{"question":"say hi",' + fields + b"}")
    assert (answer.status, answer.json()["code"]) == (400, "invalid_body")
    assert named in answer.json()["message"]
    assert len(flowise.world.flowise.seen) == count


@pytest.mark.parametrize("question", ["", " ", "say " + "x" * 40_000])
def test_flowise_is_asked_what_came(flowise: Asker, question: str) -> None:
    answer = flowise(json.dumps({"question": question}).encode())
    assert answer.status == 200
    assert flowise.world.flowise.seen[-1].fields["question"] == question


def test_flowise_is_asked_even_nothing(flowise: Asker) -> None:
    assert flowise(b"{}").status == 200
    assert flowise.world.flowise.seen[-1].fields["question"] == ""


def test_a_faq_reads_the_beginning_of_a_question(faq: Asker) -> None:
    long = b"x " * 2048
    assert faq(b'{"question":"say hi ' + long + b'"}').status == 200
    assert faq(b'{"question":"' + long + b'say hi"}').json()["text"] != "Hello"
    assert faq(b'{"question":""}').status == 400
    assert faq(b"{}").status == 400


def test_a_faq_says_the_session_that_was_sent(faq: Asker) -> None:
    body: dict[str, Any] = {"question": "say hi", "chatId": "c1"}
    assert faq(json.dumps(body).encode()).json()["sessionId"] == "c1"
    body["overrideConfig"] = {"sessionId": "s1"}
    answer = faq(json.dumps(body).encode()).json()
    assert (answer["chatId"], answer["sessionId"]) == ("c1", "s1")
    streamed = events(faq(json.dumps({**body, "streaming": True}).encode()))
    assert dict(streamed)["metadata"]["sessionId"] == "s1"


def test_who_counts_on_usage_gets_numbers(faq: Asker) -> None:
    zeros = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    assert faq.complete().json()["usage"] == zeros
    options = {"include_usage": True}
    *_, last, _ = faq.complete(stream=True, stream_options=options).body.split(b"data: ")
    assert json.loads(last)["usage"] == zeros
    assert json.loads(last)["choices"] == []
    assert b"usage" not in faq.complete(stream=True).body


def test_tools_that_are_not_wanted_are_no_reason_to_refuse(faq: Asker) -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert faq.complete(tools=tools, tool_choice="none").status == 200
    assert faq.complete(response_format={"type": "text"}).status == 200
    assert faq.complete(tools=tools).status == 400
