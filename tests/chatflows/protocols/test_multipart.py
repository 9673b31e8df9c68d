"""Forms with files, taken apart: whatever is sent is read as it was meant, or refused."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatflows.engines import File
from chatflows.gate.requests import ASGIMessage, GateRequest
from chatflows.protocols.flowise import multipart
from chatflows.protocols.flowise.bodies import InvalidBody

pytestmark = pytest.mark.fast

MARK = b"XyZ"
DISPOSITION = b'Content-Disposition: form-data; name="%s"'


def part(name: bytes, content: bytes, file_name: bytes | None = None, kind: bytes = b"") -> bytes:
    head = DISPOSITION % name
    if file_name is not None:
        head += b'; filename="%s"' % file_name
    if kind:
        head += b"\r\nContent-Type: " + kind
    return b"--" + MARK + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--" + MARK + b"--\r\n"


QUESTION = part(b"question", b"Hi")
WHOLE = form(QUESTION, part(b"files", b"a\r\n--XyW\r\n\0\xff", b"a.txt", b"text/plain"))


def raw(head: bytes) -> bytes:
    """A form whose one more part has that head."""
    return form(QUESTION, b"--" + MARK + b"\r\n" + head + b"\r\n\r\nx\r\n")


def refused(body: bytes) -> str:
    with pytest.raises(InvalidBody) as error:
        multipart.parse(body, MARK)
    return str(error.value)


def test_a_form_is_read_with_its_file() -> None:
    read, files = multipart.parse(WHOLE, MARK)
    assert (read.question, read.fields) == ("Hi", {})
    assert files == (File("a.txt", "text/plain", b"a\r\n--XyW\r\n\0\xff"),)


def test_every_beginning_of_a_form_is_refused() -> None:
    least = len(WHOLE) - len(b"\r\n")  # the last line's end is not needed
    for length in range(least):
        refused(WHOLE[:length])
    assert multipart.parse(WHOLE[:least], MARK) == multipart.parse(WHOLE, MARK)


def test_a_form_in_any_two_pieces_is_the_same_form() -> None:
    async def read(cut: int) -> bytes:
        pieces = [WHOLE[:cut], WHOLE[cut:]]

        async def receive() -> ASGIMessage:
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        scope = {"method": "POST", "headers": [], "query_string": b""}
        return bytes(await GateRequest(scope, receive, "req_A").body(len(WHOLE)))

    async def every() -> list[bytes]:
        return [await read(cut) for cut in range(len(WHOLE) + 1)]

    assert set(asyncio.run(every())) == {WHOLE}


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"Content-Type: text/plain",
        b"Content-Disposition: form-data",
        b"Content-Disposition: attachment; name=\"chatId\"",
        b"Content-Disposition: form-data; name=chatId",
        b'Content-Disposition: form-data; name="chatId',
        b'Content-Disposition: form-data; name="chatId"; name="files"',
        b'Content-Disposition: form-data; name="files"; filename="a"; filename="b"',
        b'Content-Disposition: form-data; name="files"; filename*=UTF-8\'\'a',
        b'Content-Disposition: form-data; filename="a"',
        (DISPOSITION % b"chatId") + b"\r\n" + (DISPOSITION % b"leadEmail"),
        b'Content-Disposition: form-data; name="chatId"\r\nContent-Transfer-Encoding: base64',
        b'Content-Disposition: form-data; name="\xff"',
        b'Content-Disposition: form-data; name="files"; filename="\xff"',
        b'X: ' + b"a" * 5000 + b'\r\nContent-Disposition: form-data; name="chatId"',
        b'Content-Disposition: form-data; name="systemMessage"',
        b'Content-Disposition: form-data; name="overrideConfig"',
        b'Content-Disposition: form-data; name="question"',
        b'Content-Disposition: form-data; name="other"; filename="a"',
    ],
)  # fmt: skip
def test_hostile_heads_are_refused(head: bytes) -> None:
    refused(raw(head))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"../../etc/passwd", "passwd"),
        (b"C:\\temp\\a.txt", "a.txt"),
        (b"a\r\nX: y", "aX: y"),
        ("é\u202etxt.exe".encode(), "étxt.exe"),
        (b"...", "file"),
        (b"", "file"),
        (b"x" * 300 + b".txt", "x" * 196 + ".txt"),
    ],
)
def test_a_files_name_is_its_last_part_without_tricks(sent: bytes, kept: str) -> None:
    body = form(QUESTION, part(b"files", b"x", sent))
    if b"\r\n" in sent:  # the line's end ends the header
        refused(body)
        return
    assert multipart.parse(body, MARK)[1][0].name == kept


def test_an_odd_kind_is_no_kind() -> None:
    for kind in (b"text/html\xff", b"text", b"a/b; charset=utf-8", b"x" * 200 + b"/y"):
        body = form(QUESTION, part(b"files", b"x", b"a", kind))
        assert multipart.parse(body, MARK)[1][0].media_type == "application/octet-stream"


def test_parts_are_counted() -> None:
    files = [part(b"files", b"x", b"a")] * (multipart.MAX_PARTS - 1)
    assert len(multipart.parse(form(QUESTION, *files), MARK)[1]) == multipart.MAX_PARTS - 1
    assert "64 parts" in refused(form(QUESTION, *files, *files))


def test_json_in_a_field_is_bounded() -> None:
    for content in (b"{", b"[" * 100_000, b"[" * 40 + b"]" * 40, b"\xff"):
        refused(form(QUESTION, part(b"history", content)))


@pytest.mark.parametrize(
    "content_type",
    [
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b'multipart/form-data; boundary="',
        b"multipart/mixed; boundary=x",
        b"multipart/form-data; boundary=x; boundary=y",
        b"multipart/form-data; charset=utf-8; boundary=x",
        b"multipart/form-data; boundary=" + b"x" * 71,
        b"application/json",
        b"",
    ],
)
def test_other_kinds_of_bodies_have_no_boundary(content_type: bytes) -> None:
    assert multipart.boundary(content_type) is None


def test_a_boundary_is_read_quoted_or_not() -> None:
    assert multipart.boundary(b"multipart/form-data; boundary=XyZ") == MARK
    assert multipart.boundary(b'multipart/form-data;boundary="X y"') == b"X y"


CONTENT = st.binary(max_size=200).filter(lambda content: b"\r\n--" + MARK not in b"\r\n" + content)


@given(st.lists(CONTENT, max_size=5))
def test_the_content_of_files_comes_through_byte_by_byte(contents: list[bytes]) -> None:
    body = form(QUESTION, *[part(b"files", content, b"a") for content in contents])
    assert [file.content for file in multipart.parse(body, MARK)[1]] == contents


@given(
    st.lists(st.sampled_from([b"--XyZ", b"--", b"\r\n", b"\r\n\r\n", QUESTION, b'name="x"', b"\0"]))
)
def test_whatever_is_sent_is_read_or_refused(pieces: list[bytes]) -> None:
    try:
        read, files = multipart.parse(b"".join(pieces), MARK)
    except InvalidBody:
        return
    known: Any = read.question == "Hi" or files
    assert known
