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
FIELDS = TEXTS | VALUES | OVERRIDES
# JSON says more by these than a form can. A name that is in neither is ignored, as in JSON.
REFUSED = {
    "files": "Send each file in the field files, with a file name.",
    "overrideConfig": "In a form, sessionId and vars are fields of their own.",
    "uploads": "In a form, files are parts of their own, in the field files.",
}
# Of texts. Apache's HttpClient for Java names ISO-8859-1 unless it is told another, for each text
# or for the whole form.
CHARSETS = {
    **dict.fromkeys(media_types.UTF8, "utf-8-sig"),
    **dict.fromkeys([b"iso-8859-1", b"latin1"], "latin-1"),
}
_PLACE = re.compile(r"[\[.]")  # some clients write an object as fields, such as `vars[name]`
_ENCODINGS = ("7bit", "8bit", "binary")  # they change nothing
_BOUNDARY = re.compile(rb"[ -~]{0,69}[!-~]")
# In names of files a backslash stands for itself unless a quote or another one follows: so do Go
# and Ruby write them, and so does busboy read them. Browsers and curl write a quote as %22.
_ESCAPE = re.compile(rb'\\(["\\])')
_SIGNS = {b"%22": b'"', b"%0D": b"\r", b"%0A": b"\n"}
_EXTENDED = re.compile(rb"([^']+)'[^']*'(.*)")
_MEDIA_TYPE = re.compile(rb"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,90}")
_MEDIA_DEFAULT = "application/octet-stream"


class Part(NamedTuple):
    """One part of a form. `file_name` is None for a text field."""

    name: str
    file_name: str | None
    media_type: str
    charset: bytes  # empty if it names none
    content: bytes


def boundary(content_type: bytes) -> bytes | None:
    """Return the boundary of a form, or None for any other media type or charset.

    Raises InvalidBody for a form without one, with two, or with one of more than 70 characters
    (RFC 2046, 5.1.1).
    """
    value = media_types.split(content_type)
    if value is None or value.main != b"multipart/form-data":
        return None
    if not {each.lower() for each in value.all(b"charset")} <= CHARSETS.keys():
        return None
    marks = value.all(b"boundary")
    if len(marks) != 1 or _BOUNDARY.fullmatch(marks[0]) is None:
        raise InvalidBody("Content-Type must name one boundary, of 1 to 70 characters.")
    return marks[0]


def charset_of(content_type: bytes) -> bytes:
    """Return the charset of a form's texts that name none. Raises InvalidBody for two."""
    value = media_types.split(content_type)
    charsets = {each.lower() for each in value.all(b"charset")} if value is not None else set()
    if len(charsets) > 1:
        raise InvalidBody("Content-Type must name one charset.")
    return charsets.pop() if charsets else b"utf-8"


def parse(
    body: bytes | bytearray, mark: bytes, *, charset: bytes = b"utf-8", may_override: bool = True
) -> tuple[PredictionBody, tuple[File, ...]]:
    """Read a form; see `bodies.read`. `charset` is that of texts which name none.

    Raises InvalidBody.
    """
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
        else:
            (override if name in OVERRIDES else values).update(_field(part, charset))
    whole = {**values, "overrideConfig": override}
    read = bodies.read(whole, may_ask_nothing=True, may_override=may_override)
    return read, tuple(files)


def _field(part: Part, charset: bytes) -> dict[str, Any]:
    """Return what a text field says by its name; nothing if it is empty where JSON should be."""
    name, text = part.name, _text(part, part.charset or charset)
    field = _PLACE.split(name)[0]
    if field in REFUSED:
        raise InvalidBody(REFUSED[field])
    if field in FIELDS and field != name:
        raise InvalidBody(f"Send {field} in one field of that name, lists and objects as JSON.")
    if name in TEXTS or name == "sessionId":
        return {name: text}
    if name in FIELDS and text.strip():
        return {name: json_bodies.load(text.encode(), name)}
    return {}


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
    return Part(name, file_name, media_type, charsets.pop() if charsets else b"", content)


def _names(disposition: bytes) -> tuple[str, str | None]:
    """Return the names of a part's field and of its file, which is None for a text field."""
    value = media_types.split(disposition, _ESCAPE)
    names = dict(value.parameters) if value is not None else {}
    if value is None or value.main != b"form-data" or len(names) != len(value.parameters):
        raise _unreadable("The Content-Disposition of a part can't be read")
    if b"name" not in names or b"name*" in names:
        raise _unreadable("A part must have one name")
    return _decoded(_browsers(names[b"name"])), _file_name(names)


def _file_name(names: dict[bytes, bytes]) -> str | None:
    """Return the name of a part's file. Where there are both, `filename*` counts (RFC 6266, 4.3).

    If that can't be read, the other one counts.
    """
    extended = _extended(names[b"filename*"]) if b"filename*" in names else None
    if extended is None and b"filename" in names:
        return _decoded(_browsers(names[b"filename"]))
    if extended is None and b"filename*" in names:
        raise _unreadable("A file's name is not written as RFC 8187 says")
    return extended


def _extended(value: bytes) -> str | None:
    """Decode the form of RFC 8187: a charset, a language, and the text with percent signs."""
    found = _EXTENDED.fullmatch(value)
    charset = CHARSETS.get(found[1].lower()) if found is not None else None
    if found is None or charset is None:
        return None
    try:
        return unquote_to_bytes(found[2]).decode(charset)
    except UnicodeDecodeError:
        return None


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


def _text(part: Part, charset: bytes) -> str:
    field = f"The field {part.name}" if part.name in FIELDS else "A field"
    encoding = CHARSETS.get(charset)
    if encoding is None:
        raise InvalidBody(f"{field} is in another charset. Send it in UTF-8.")
    try:
        return part.content.decode(encoding)
    except UnicodeDecodeError:
        raise InvalidBody(f"{field} is not in UTF-8, or as it says.") from None


def _unreadable(why: str) -> InvalidBody:
    return InvalidBody(f"The form can't be read. {why}.")
