"""Forms with files, written part by part."""

import pytest

from chatflows.protocols.flowise import multipart
from chatflows.protocols.json_bodies import InvalidBody

MARK = b"XyZ"
DISPOSITION = b'Content-Disposition: form-data; name="%s"'


def part(name: bytes, content: bytes, file_name: bytes | None = None, kind: bytes = b"") -> bytes:
    """One part of a form, with its boundary before it."""
    head = DISPOSITION % name
    if file_name is not None:
        head += b'; filename="%s"' % file_name
    if kind:
        head += b"\r\nContent-Type: " + kind
    return b"--" + MARK + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    """A form of these parts."""
    return b"".join(parts) + b"--" + MARK + b"--\r\n"


QUESTION = part(b"question", b"Hi")


def raw(head: bytes) -> bytes:
    """A form whose one more part has that head."""
    return form(QUESTION, b"--" + MARK + b"\r\n" + head + b"\r\n\r\nx\r\n")


def refused(body: bytes) -> str:
    """Why a form is refused."""
    with pytest.raises(InvalidBody) as error:
        multipart.parse(body, MARK)
    return str(error.value)
