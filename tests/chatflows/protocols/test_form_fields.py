"""The text fields of forms: they say what the same fields say in JSON."""

import json

import pytest

from chatflows.protocols.flowise import bodies, multipart
from tests.chatflows.protocols.parts import MARK, QUESTION, form, part, refused

pytestmark = pytest.mark.fast


def test_a_form_may_ask_nothing() -> None:
    assert multipart.parse(form(part(b"files", b"x", b"a")), MARK)[0].question == ""
    assert multipart.parse(form(part(b"chatId", b"7")), MARK)[0].chat_id == "7"


@pytest.mark.parametrize(
    ("field", "says"),
    [
        (part(b"vars", b'{"a": 1e400}'), "vars.a holds a number"),
        (part(b"vars", b'{"a": "\\ud83d"}'), "vars.a holds a character"),
        (part(b"history", b"[" * 40 + b"]" * 40), "history is nested deeper"),
        (part(b"form", b"{"), "form is not JSON"),
        (part(b"question", b"\0"), "question holds"),
        (part(b"question", b"a", kind=b"text/plain; charset=shift_jis"), "in another charset"),
        (part(b"question", b"\xe9"), "question is not in UTF-8"),
        (part(b"leadEmail", b"a") * 2, "leadEmail twice"),
        (part(b"sessionId", b"x" * 256), "overrideConfig.sessionId is longer"),
        (part(b"overrideConfig", b"{}"), "sessionId and vars are fields"),
        (part(b"uploads", b"[]"), "files are parts of their own"),
        (part(b"files", b"abc"), "with a file name"),
        (part(b"temperature", b"\xff"), "A field is not in UTF-8"),
        (part(b"vars[a]", b"1"), "Send vars in one field"),
        (part(b"history.0.role", b"x"), "Send history in one field"),
        (part(b"overrideConfig[sessionId]", b"x"), "sessionId and vars are fields"),
        (part(b"action", b"x"), "action is not JSON"),
    ],
)
def test_a_field_is_refused_by_its_name(field: bytes, says: str) -> None:
    assert says in refused(form(field))


@pytest.mark.parametrize("name", [b"history", b"form", b"action", b"humanInput", b"vars"])
@pytest.mark.parametrize("empty", [b"", b" \r\n", b"null"])
def test_an_empty_field_is_a_missing_one(name: bytes, empty: bytes) -> None:
    read, _ = multipart.parse(form(QUESTION, part(name, empty)), MARK)
    assert (read.question, read.fields) == ("Hi", {})


@pytest.mark.parametrize(
    "name",
    [b"temperature", b"systemMessage", b"chatflowId", b"Question", b"apiMessageId"],
)
def test_a_field_that_json_would_ignore_is_ignored(name: bytes) -> None:
    read, files = multipart.parse(form(QUESTION, part(name, b"0.7"), part(name, b"{")), MARK)
    assert (read.question, read.fields, files) == ("Hi", {}, ())
    assert read == bodies.parse(json.dumps({"question": "Hi", name.decode(): "0.7"}).encode())


@pytest.mark.parametrize("streaming", [b"true", b"True", b"1", b"", b"yes"])
def test_a_form_streams_for_true_alone_as_json(streaming: bytes) -> None:
    read, _ = multipart.parse(form(QUESTION, part(b"streaming", streaming)), MARK)
    assert read.streaming == (streaming == b"true")


@pytest.mark.parametrize("charset", [b"US-ASCII", b"ascii", b'"us-ascii"', b"utf8"])
def test_a_text_that_is_called_ascii_may_be_utf_8(charset: bytes) -> None:
    kind = b"text/plain; charset=" + charset
    read, _ = multipart.parse(form(part(b"question", "Warum, \xdcmit?".encode(), kind=kind)), MARK)
    assert read.question == "Warum, \xdcmit?"
    assert "not in UTF-8" in refused(form(part(b"question", b"\xdcmit", kind=kind)))


def test_json_in_a_field_is_bounded() -> None:
    for content in (b"{", b"[" * 100_000, b"[" * 40 + b"]" * 40, b"\xff"):
        refused(form(QUESTION, part(b"history", content)))
