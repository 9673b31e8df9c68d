"""Questions with files: read multipart/form-data, so that it can be built anew. Pure.

Flowise makes every text field of a form with files an override of the flow (flowise-wire 1.2). So
only the names that are listed here go upstream, and never a part's head as it came.

The library `multipart` finds the parts. What a part's head says is read here, since the library
takes the last of two names, and takes a file that has only `filename*` for a text.
"""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from chatflows.engines import File
from chatflows.protocols import json_bodies, media_types
from chatflows.protocols.flowise import bodies
from chatflows.protocols.flowise.bodies import PredictionBody
from chatflows.protocols.json_bodies import InvalidBody

MAX_PARTS = 64
MAX_LINE_BYTES = 4096  # of a part's head,
MAX_LINES = 8  # which has at most so many lines
MAX_NAME_LENGTH = 200  # characters of a file's name
TEXTS = frozenset({"question", "chatId", "streaming", "leadEmail"})
VALUES = frozenset({"form", "history", "humanInput", "action"})  # JSON in a text field
OVERRIDES = frozenset({"sessionId", "vars"})
IGNORED = frozenset({"chatflowId", "socketIOClientId"})  # sent along by SDKs
# Of texts. Apache's HttpClient for Java names ISO-8859-1 unless it is told another.
CHARSETS = {
    **dict.fromkeys(media_types.UTF8, "utf-8-sig"),
    **dict.fromkeys([b"us-ascii", b"ascii"], "ascii"),
    **dict.fromkeys([b"iso-8859-1", b"latin1"], "latin-1"),
}
_ENCODINGS = ("7bit", "8bit", "binary")  # they change nothing
_BOUNDARY = re.compile(rb"[ -~]{0,69}[!-~]")
# In names of files a backslash stands for itself unless a quote or another one follows: so do Go
# and Ruby write them, and so does busboy read them. Browsers and curl write a quote as %22.
_ESCAPE = re.compile(rb'\\(["\\])')
_SIGNS = {b"%22": b'"', b"%0D": b"\r", b"%0A": b"\n"}
_MEDIA_TYPE = re.compile(rb"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,90}")
_MEDIA_DEFAULT = "application/octet-stream"


class Part(NamedTuple):
    """One part of a form. `file_name` is None for a text field."""

    name: str
    file_name: str | None
    media_type: str
    charset: bytes
    content: bytes


def boundary(content_type: bytes) -> bytes | None:
    """Return the boundary of a form in UTF-8, or None for any other media type.

    Raises InvalidBody for a form without one, with two, or with one of more than 70 characters
    (RFC 2046, 5.1.1).
    """
    value = media_types.split(content_type)
    if value is None or value.main != b"multipart/form-data" or not value.is_utf8:
        return None
    marks = value.all(b"boundary")
    if len(marks) != 1 or _BOUNDARY.fullmatch(marks[0]) is None:
        raise InvalidBody("Content-Type must name one boundary, of 1 to 70 characters.")
    return marks[0]


def parse(body: bytes | bytearray, mark: bytes) -> tuple[PredictionBody, tuple[File, ...]]:
    """Read a form. Raises InvalidBody."""
    values: dict[str, Any] = {}
    override: dict[str, Any] = {}
    files: list[File] = []
    for part in _parts(body, mark):
        name = part.name
        if part.file_name == "" and not part.content:
            continue  # browsers send this where no file was chosen
        if part.file_name is not None:
            if name != "files":
                raise InvalidBody("Send files in the field files.")
            files.append(File(_clean_name(part.file_name), part.media_type, part.content))
        elif name in values or name in override:
            raise InvalidBody(f"The form has the field {name} twice.")
        elif name in OVERRIDES:
            override[name] = _text(part) if name == "sessionId" else _value(part)
        elif name in TEXTS or name in VALUES:
            values[name] = _text(part) if name in TEXTS else _value(part)
        elif name not in IGNORED:
            allowed = ", ".join(sorted(TEXTS | VALUES | OVERRIDES))
            raise InvalidBody(f"A form takes files and the fields {allowed}.")
    read = bodies.read({**values, "overrideConfig": override}, may_ask_nothing=True)
    return read, tuple(files)


def _parts(body: bytes | bytearray, mark: bytes) -> Iterator[Part]:
    head, content = None, b""
    try:
        for event in _events(body, mark):
            if isinstance(event, MultipartSegment):
                head, content = event, b""
            elif event is not None:
                content = content + event if content else event
            else:
                assert head is not None  # it came before its end
                yield _part(head, content)
    except ParserLimitReached:
        raise InvalidBody(
            f"A form takes at most {MAX_PARTS} parts, with {MAX_LINES} lines of "
            f"{MAX_LINE_BYTES:,} bytes in the head of each."
        ) from None
    except MultipartError as error:
        raise _unreadable(str(error.args[0])) from None


def _events(body: bytes | bytearray, mark: bytes) -> Iterator[MultipartSegment | bytes | None]:
    """Yield a part's head, its content in pieces, and None at its end.

    Nothing but blanks and line ends may stand around the parts. The last sign of the form is read
    by itself: the parser then notices an end that came before.
    """
    whole = body.strip(b" \t\r\n")
    if not whole.startswith(b"--" + mark):
        raise _unreadable("It does not begin with its boundary")
    with PushMultipartParser(
        mark,
        strict=True,
        max_segment_count=MAX_PARTS,
        max_header_count=MAX_LINES,
        max_header_size=MAX_LINE_BYTES,
    ) as parser:
        yield from chain(parser.parse(whole[:-1]), parser.parse(whole[-1:]))


def _part(segment: MultipartSegment, content: bytes) -> Part:
    head = dict(segment.headerlist)
    if len(head) != len(segment.headerlist):
        raise _unreadable("A part has one header twice")
    if head.get("Content-Transfer-Encoding", "binary").strip().lower() not in _ENCODINGS:
        raise _unreadable("A part has a Content-Transfer-Encoding: send its bytes as they are")
    name, file_name = _names(head["Content-Disposition"].encode())
    kind = media_types.split(head.get("Content-Type", "").encode())
    main = kind.main if kind is not None else b""
    if main.startswith(b"multipart/"):
        raise _unreadable("A part is a form of its own")
    media_type = main.decode() if _MEDIA_TYPE.fullmatch(main) else _MEDIA_DEFAULT
    charsets = {charset.lower() for charset in kind.all(b"charset")} if kind is not None else set()
    if len(charsets) > 1:
        raise _unreadable("A part names two charsets")
    return Part(name, file_name, media_type, charsets.pop() if charsets else b"utf-8", content)


def _names(disposition: bytes) -> tuple[str, str | None]:
    """Return the names of a part's field and of its file, which is None for a text field."""
    value = media_types.split(disposition, _ESCAPE)
    names = dict(value.parameters) if value is not None else {}
    if value is None or value.main != b"form-data" or len(names) != len(value.parameters):
        raise _unreadable("The Content-Disposition of a part can't be read")
    if b"name" not in names or b"name*" in names:
        raise _unreadable("A part must have one name")
    file_name = None
    if b"filename*" in names:  # it counts where there are both (RFC 6266, 4.3)
        file_name = _decoded(_extended(names[b"filename*"]))
    elif b"filename" in names:
        file_name = _decoded(_browsers(names[b"filename"]))
    return _decoded(_browsers(names[b"name"])), file_name


def _extended(value: bytes) -> bytes:
    """Decode the form of RFC 8187: a charset, a language, and the text with percent signs."""
    charset, _, rest = value.partition(b"'")
    _, found, text = rest.partition(b"'")
    if not found or charset.lower() != b"utf-8":
        raise _unreadable("A file's name is not UTF-8")
    return unquote_to_bytes(text)


def _browsers(name: bytes) -> bytes:
    for code, sign in _SIGNS.items():
        name = name.replace(code, sign)
    return name


def _decoded(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise _unreadable("A name is not UTF-8") from None


def _clean_name(name: str) -> str:
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(character for character in last if character.isprintable())
    return kept[-MAX_NAME_LENGTH:].strip(". ") or "file"


def _text(part: Part) -> str:
    charset = CHARSETS.get(part.charset)
    if charset is None:
        raise InvalidBody(f"The field {part.name} is in another charset. Send it in UTF-8.")
    try:
        return part.content.decode(charset)
    except UnicodeDecodeError:
        raise InvalidBody(f"The field {part.name} is not in UTF-8, or as it says.") from None


def _value(part: Part) -> Any:
    return json_bodies.load(_text(part).encode(), part.name)


def _unreadable(why: str) -> InvalidBody:
    return InvalidBody(f"The form can't be read. {why}.")
