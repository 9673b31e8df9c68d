"""Questions with files: read multipart/form-data, so that it can be built anew. Pure.

Flowise makes every text field of a form with files an override of the flow (flowise-wire 1.2). So
only the names that are listed here go upstream, and never a part's head as it came.
"""

import re
from typing import Any

from chatflows.engines import File
from chatflows.protocols.flowise import bodies
from chatflows.protocols.flowise.bodies import InvalidBody, PredictionBody

__all__ = ["File", "boundary", "parse"]

MAX_PARTS = 64
MAX_HEAD_BYTES = 4096  # of one part
MAX_NAME_LENGTH = 200  # characters of a file's name
TEXTS = frozenset({"question", "chatId", "streaming", "leadEmail"})
VALUES = frozenset({"form", "history", "humanInput", "action"})  # JSON in a text field
OVERRIDES = frozenset({"sessionId", "vars"})
IGNORED = frozenset({"chatflowId", "socketIOClientId"})  # sent along by SDKs
_BOUNDARY = re.compile(
    rb"multipart/form-data\s*;\s*boundary=(?:\"([^\"]{1,70})\"|([^\s;\"]{1,70}))"
)
_DISPOSITION = re.compile(rb"form-data((?:;\s*(?:name|filename)=\"[^\"]*\")+)\s*", re.IGNORECASE)
_PARAMETER = re.compile(rb";\s*(name|filename)=\"([^\"]*)\"", re.IGNORECASE)
_MEDIA_TYPE = re.compile(rb"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,90}")
_MEDIA_DEFAULT = "application/octet-stream"


def boundary(content_type: bytes) -> bytes | None:
    """Return the boundary of a form, or None for any other media type."""
    found = _BOUNDARY.fullmatch(content_type.strip())
    return (found[1] or found[2]) if found else None


def parse(body: bytes | bytearray, mark: bytes) -> tuple[PredictionBody, tuple[File, ...]]:
    """Read a form. Raises InvalidBody."""
    values: dict[str, Any] = {}
    override: dict[str, Any] = {}
    files: list[File] = []
    for name, file_name, media_type, content in _parts(body, mark):
        if file_name is not None:
            if name != "files":
                raise InvalidBody("Send files in the field files.")
            files.append(File(_clean_name(file_name), media_type, content))
        elif name in values or name in override:
            raise InvalidBody("A field of the form came twice.")
        elif name in OVERRIDES:
            override[name] = _text(content) if name == "sessionId" else _value(content)
        elif name in TEXTS or name in VALUES:
            values[name] = _text(content) if name in TEXTS else _value(content)
        elif name not in IGNORED:
            allowed = ", ".join(sorted(TEXTS | VALUES | OVERRIDES))
            raise InvalidBody(f"A form takes files and the fields {allowed}.")
    if files and not values.get("question"):
        values["uploads"] = (
            True  # with a file the question may be empty; the field itself is never passed on
        )
    read = bodies.read({**values, "overrideConfig": override})
    fields = {name: value for name, value in read.fields.items() if name != "uploads"}
    return read._replace(fields=fields), tuple(files)


def _parts(body: bytes | bytearray, mark: bytes) -> list[tuple[str, str | None, str, bytes]]:
    pieces = (b"\r\n" + body).split(b"\r\n--" + mark)
    if len(pieces) < 3 or not pieces[-1].startswith(b"--") or pieces[0].strip():
        raise InvalidBody("The form can't be read.")
    if len(pieces) > MAX_PARTS + 2:
        raise InvalidBody(f"A form takes at most {MAX_PARTS} parts.")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> tuple[str, str | None, str, bytes]:
    head, found, content = piece.partition(b"\r\n\r\n")
    if not found or len(head) > MAX_HEAD_BYTES or not head.startswith(b"\r\n"):
        raise InvalidBody("The form can't be read.")
    fields: dict[bytes, bytes] = {}
    for line in head[2:].split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() in fields:
            raise InvalidBody("The form can't be read.")
        fields[name.lower()] = value.strip()
    disposition = _DISPOSITION.fullmatch(fields.get(b"content-disposition", b""))
    if disposition is None or b"content-transfer-encoding" in fields:
        raise InvalidBody("The form can't be read.")
    parameters = _PARAMETER.findall(disposition[1])
    names = {name.lower(): value for name, value in parameters}
    if len(names) != len(parameters) or b"name" not in names:
        raise InvalidBody("The form can't be read.")
    file_name = _text(names[b"filename"]) if b"filename" in names else None
    media = fields.get(b"content-type", b"").lower()
    media_type = media.decode() if _MEDIA_TYPE.fullmatch(media) else _MEDIA_DEFAULT
    return _text(names[b"name"]), file_name, media_type, content


def _clean_name(name: str) -> str:
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(character for character in last if character.isprintable())
    return kept[-MAX_NAME_LENGTH:].strip(". ") or "file"


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InvalidBody("The form is not UTF-8.") from None


def _value(content: bytes) -> Any:
    try:
        return bodies.load(content)
    except InvalidBody:
        raise InvalidBody("A field of the form is not JSON, or too much of it.") from None
