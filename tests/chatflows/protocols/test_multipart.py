"""Forms with files, taken apart: whatever is sent is read as it was meant, or refused."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatflows.engines import File
from chatflows.gate.requests import ASGIMessage, GateRequest
from chatflows.protocols.flowise import multipart
from chatflows.protocols.json_bodies import InvalidBody
from tests.chatflows.protocols.forms import FORMS, Form
from tests.chatflows.protocols.parts import DISPOSITION, MARK, QUESTION, form, part, raw, refused

pytestmark = pytest.mark.fast

WHOLE = form(QUESTION, part(b"files", b"a\r\n--XyW\r\n\0\xff", b"a.txt", b"text/plain"))


def test_a_form_is_read_with_its_file() -> None:
    read, files = multipart.parse(WHOLE, MARK)
    assert (read.question, read.fields) == ("Hi", {})
    assert files == (File("a.txt", "text/plain", b"a\r\n--XyW\r\n\0\xff"),)


@pytest.mark.parametrize("sent", FORMS.values(), ids=FORMS)
def test_a_form_is_read_whatever_client_sends_it(sent: Form) -> None:
    mark = multipart.boundary(sent.content_type)
    assert mark == sent.mark
    charset = multipart.charset_of(sent.content_type)
    read, files = multipart.parse(sent.content, mark, charset=charset)
    assert (read.question, read.fields) == (sent.question, {})
    assert files == (File(sent.file_name, sent.file_type, b"abc"),)


@pytest.mark.parametrize("sent", FORMS.values(), ids=FORMS)
def test_a_clients_form_that_is_cut_is_refused(sent: Form) -> None:
    whole = sent.content.rstrip()
    for length in range(len(whole)):
        with pytest.raises(InvalidBody):
            multipart.parse(whole[:length], sent.mark)


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
        b"Content-Disposition: form-data; name=",
        b"Content-Disposition: form-data; name=chat Id",
        b"Content-Disposition: form-data, name=chatId",
        b"Content-Disposition: form-data; name=chatId; name=chatId",
        b"Content-Disposition: form-data; name=chatId; NAME=files; filename=a",
        b"Content-Disposition: form-data; name*=utf-8''chatId",
        b"Content-Disposition: form-data; name=chatId; name*=utf-8''leadEmail",
        b"Content-Disposition: form-data; name=files; filename*=a",
        b"Content-Disposition: form-data; name=files; filename*=utf-16''a",
        b"Content-Disposition: form-data; name=files; filename*=utf-8''%ff",
        b"Content-Disposition: form-data; name=files; filename*=utf-8''a; filename*=utf-8''b",
        b"Content-Disposition: inline; name=chatId",
        b"Content-Disposition: form-data; name=chatId\r\n folded",
        b"Content-Disposition : form-data; name=chatId\r\nContent-Disposition: x",
        b"Content-Disposition: form-data; name=chatId\nX: y",
        b"Content-Disposition: form-data; name=chatId\r\nContent-Transfer-Encoding: base64",
        b"Content-Disposition: form-data; name=chatId\r\nContent-Transfer-Encoding: QP",
        b"Content-Disposition: form-data; name=chatId\r\nContent-Length: 2",
        b"Content-Disposition: form-data; name=chatId\r\nContent-Length: 0",
        b"Content-Disposition: form-data; name=chatId\r\nContent-Length: -1",
        b"Content-Disposition: form-data; name=chatId\r\nContent-Type: text/plain; charset=utf-16",
        b"Content-Disposition: form-data; name=chatId\r\nContent-Type: a/b; charset=cp1252",
        b"Content-Disposition: form-data; name=chatId\r\nContent-Type: a/b; charset=x; charset=y",
        b"Content-Disposition: form-data; name=chatId\r\nContent-Type: a/b\r\nContent-Type: a/b",
        b"Content-Disposition: form-data; name=files; filename=a\r\nContent-Type: multipart/mixed",
        b"Content-Disposition: form-data; name=chatId" + b"\r\nX-%d: y" * 8 % (*range(8),),
        b"X" * 5000,
        b"no header",
        b": form-data; name=chatId",
        b'Content-Disposition: form-data; name="chatId',
        b'Content-Disposition: form-data; name="chatId"; name="files"',
        b'Content-Disposition: form-data; name="files"; filename="a"; filename="b"',
        b'Content-Disposition: form-data; filename="a"',
        (DISPOSITION % b"chatId") + b"\r\n" + (DISPOSITION % b"leadEmail"),
        b'Content-Disposition: form-data; name="chatId"\r\nContent-Transfer-Encoding: base64',
        b'Content-Disposition: form-data; name="\xff"',
        b'Content-Disposition: form-data; name="files"; filename="\xff"',
        b'X: ' + b"a" * 5000 + b'\r\nContent-Disposition: form-data; name="chatId"',
        b'Content-Disposition: form-data; name="overrideConfig"',
        b'Content-Disposition: form-data; name="overrideConfig[vars]"',
        b'Content-Disposition: form-data; name="uploads"',
        b'Content-Disposition: form-data; name="files"',
        b'Content-Disposition: form-data; name="files[0]"',
        b'Content-Disposition: form-data; name="temperature"\r\nContent-Type: a/b; charset=utf-16',
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
        (b"C:\\\\temp\\\\a.txt", "a.txt"),
        (b"\\\\server\\share\\a.txt", "a.txt"),
        (b'a\\"b.txt', 'a"b.txt'),
        (b"a%22b%0D%0A%20c.txt", 'a"b%20c.txt'),
        (b"a\r\nX: y", ""),
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
    for kind in (b"text/html\xc3\xbf", b"text", b"a/b c/d", b"x" * 200 + b"/y"):
        body = form(QUESTION, part(b"files", b"x", b"a", kind))
        assert multipart.parse(body, MARK)[1][0].media_type == "application/octet-stream"


def test_a_kind_is_passed_on_without_its_parameters() -> None:
    body = form(QUESTION, part(b"files", b"x", b"a", b'Text/Plain; charset=utf-8; x="y"'))
    assert multipart.parse(body, MARK)[1][0].media_type == "text/plain"


@pytest.mark.parametrize("encoding", [b"7bit", b"8BIT", b"binary"])
def test_an_encoding_that_changes_nothing_is_read(encoding: bytes) -> None:
    head = (DISPOSITION % b"chatId") + b"\r\ncontent-transfer-encoding: " + encoding
    assert multipart.parse(raw(head), MARK)[0].chat_id == "x"


def test_a_file_with_its_long_name_alone_is_a_file() -> None:
    head = b"Content-Disposition: form-data; name=files; filename*=UTF-8'en'%e2%82%ac%20rates.txt"
    assert [file.name for file in multipart.parse(raw(head), MARK)[1]] == ["\u20ac rates.txt"]


def test_a_file_that_was_not_chosen_is_none() -> None:
    assert multipart.parse(form(QUESTION, part(b"files", b"", b"")), MARK)[1] == ()
    assert len(multipart.parse(form(QUESTION, part(b"files", b"", b"a")), MARK)[1]) == 1
    assert len(multipart.parse(form(QUESTION, part(b"files", b"x", b"")), MARK)[1]) == 1


@pytest.mark.parametrize(
    ("long", "kept"),
    [
        (b"iso-8859-1'en'%A3%20rates", "\xa3 rates"),  # RFC 8187's own examples
        (b"UTF-8''%c2%a3%20and%20%e2%82%ac%20rates", "\xa3 and \u20ac rates"),
        (b"ISO-8859-1''na%EFve.txt", "na\xefve.txt"),
        (b"us-ascii''b.txt", "b.txt"),
        (b"utf-8''100%", "100%"),
        (b"utf-8''it's%20b.txt", "it's b.txt"),
        (b"utf-8''%ff", "a.txt"),
        (b"utf-16''%00a", "a.txt"),
        (b"b.txt", "a.txt"),
        (b"utf-8'b.txt", "a.txt"),
        (b"''b.txt", "a.txt"),
        (b"utf-8''..%2f..%2Fpasswd", "passwd"),
        (b"utf-8''a%0d%0aX:%20y%00.txt", "aX: y.txt"),
        (b"utf-8''" + b"%41" * 1000, "A" * 200),
    ],
)
def test_a_files_long_name_is_read_or_its_short_one(long: bytes, kept: str) -> None:
    for names in (b"filename=a.txt; filename*=%b", b'filename*=%b; filename="a.txt"'):
        head = b"Content-Disposition: form-data; name=files; " + names % long
        assert [file.name for file in multipart.parse(raw(head), MARK)[1]] == [kept]
    alone = raw(b"Content-Disposition: form-data; name=files; filename*=" + long)
    if kept == "a.txt":
        refused(alone)
    else:
        assert [file.name for file in multipart.parse(alone, MARK)[1]] == [kept]


def test_of_two_names_of_a_file_the_long_one_counts() -> None:
    head = b"Content-Disposition: form-data; name=files; filename*=utf-8''b; filename=a"
    assert [file.name for file in multipart.parse(raw(head), MARK)[1]] == ["b"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n",
        b"--",
        b"--XyZ",
        b"--XyZ\r\n",
        b"preamble\r\n" + WHOLE,
        b"\0" + WHOLE,
        b"--XyZ--\r\n" + WHOLE,
        WHOLE + b"epilogue",
        WHOLE + b"\0",
        WHOLE + WHOLE,
        WHOLE + b"--XyZ--",
        WHOLE.replace(b"--XyZ--", b"--XyZ-- --XyZ--"),
        WHOLE.replace(b"\r\n", b"\n"),
        WHOLE.replace(b"--XyZ--", b"--XyZ-"),
        WHOLE.replace(b"\r\n--XyZ--", b"--XyZ--"),
        WHOLE.replace(b"--XyZ\r\n", b"--XyZ \r\n"),
        WHOLE.replace(b"XyZ", b"xyz"),
    ],
)
def test_a_form_with_odd_ends_is_refused(body: bytes) -> None:
    refused(body)


def test_blank_lines_around_a_form_say_nothing() -> None:
    assert multipart.parse(b"\r\n" + WHOLE + b"\r\n\r\n", MARK) == multipart.parse(WHOLE, MARK)


def test_a_message_quotes_nothing_of_the_form() -> None:
    for head in (b"canary", b"Content-Disposition: canary; name=x", b"X: canary\xff"):
        assert "canary" not in refused(raw(head))
    for name in (b"canary", b"vars[canary]", b"files[canary]"):
        assert "canary" not in refused(form(part(name, b"\xff")))


def test_parts_are_counted() -> None:
    files = [part(b"files", b"x", b"a")] * (multipart.MAX_PARTS - 1)
    assert len(multipart.parse(form(QUESTION, *files), MARK)[1]) == multipart.MAX_PARTS - 1
    assert "64 parts" in refused(form(QUESTION, *files, *files))


@pytest.mark.parametrize(
    "content_type",
    [
        b"multipart/form-data; boundary=",
        b'multipart/form-data; boundary="',
        b"multipart/mixed; boundary=x",
        b"multipart/form-data; charset=utf-16; boundary=x",
        b"multipart/form-data; charset=utf-8; charset=utf-16; boundary=x",
        b"application/json",
        b"",
    ],
)
def test_other_kinds_of_bodies_have_no_boundary(content_type: bytes) -> None:
    assert multipart.boundary(content_type) is None


def test_a_form_has_one_charset() -> None:
    kind = b"multipart/form-data; boundary=x; charset="
    assert multipart.charset_of(kind + b'"UTF-8"; charset=utf-8') == b"utf-8"
    with pytest.raises(InvalidBody, match="one charset"):
        multipart.charset_of(kind + b"utf-8; charset=us-ascii")


def test_a_texts_own_charset_goes_before_the_forms() -> None:
    own = part(b"question", "hé".encode(), kind=b"text/plain; charset=utf-8")
    assert multipart.parse(form(own), MARK, charset=b"iso-8859-1")[0].question == "hé"


def test_a_boundary_is_read_quoted_or_not() -> None:
    assert multipart.boundary(b"multipart/form-data; boundary=XyZ") == MARK
    assert multipart.boundary(b'Multipart/Form-Data ;; Boundary="X \\y" ; charset=UTF8') == b"X y"


@pytest.mark.parametrize(
    "parameters",
    [
        b"",
        b"; boundary=x; boundary=y",
        b"; boundary=x; Boundary=x",
        b"; boundary=" + b"x" * 71,
        b'; boundary=""',
        b'; boundary="x "',
        b'; boundary="\xc3\xa9"',
        b'; boundary="x\ty"',
    ],
)
def test_a_form_has_one_boundary_of_bounded_length(parameters: bytes) -> None:
    with pytest.raises(InvalidBody, match="one boundary"):
        multipart.boundary(b"multipart/form-data" + parameters)


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


def test_without_the_right_to_override_a_form_carries_none() -> None:
    sent = form(part(b"question", b"Hi"), part(b"sessionId", b"s"), part(b"vars", b'{"a": 1}'))
    read, _ = multipart.parse(sent, MARK, may_override=False)
    assert (read.question, read.chat_id, read.session_id, read.fields) == ("Hi", "", "", {})
