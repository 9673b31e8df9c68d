"""JSON from clients: read within bounds, every text and number checked at any depth. Pure."""

import codecs
import json
import math
import re
from collections.abc import Iterator
from typing import Any

import orjson

from chatflows.access.codes import INVALID_BODY, Refused

MAX_DEPTH = 32  # levels of JSON
# Arrays and objects, and commas between values. Many small ones would hold up the event loop, and
# take far more memory than their bytes.
MAX_CONTAINERS, MAX_COMMAS = 20_000, 100_000
MAX_DIGITS = 308  # of an integer; a larger one is infinite for those who read it as a double
MAX_PLACE = 60  # characters of a field's name in a message

PIECE = 2**17  # bytes; a search lets no other thread run, so it goes over a body in pieces
_LONG_NUMBER = re.compile(rb"[0-9]{16}")
_OTHER_ENCODINGS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Only such names are quoted in a message: no key or token is spelled like that.
_FIELD = re.compile("[A-Za-z_]{1,30}")


class InvalidBody(Refused):
    """Raised for a body that is refused. The message names the field, and quotes no value."""

    def __init__(self, detail: str) -> None:
        super().__init__(INVALID_BODY, detail)


def load_object(body: bytes | bytearray) -> dict[str, Any]:
    """Read a JSON object. Raises InvalidBody."""
    value = load(body)
    if not isinstance(value, dict):
        raise InvalidBody("The body must be a JSON object.")
    return value


def load(body: bytes | bytearray, name: str = "The body") -> Any:
    """Read any JSON in UTF-8, with or without a byte order mark.

    Raises InvalidBody for JSON that is too large or too deep, and for a text or number that not
    every reader takes: half a surrogate pair, or what is not finite. `name` is that of the body in
    messages.
    """
    opened = body.count(b"[") + body.count(b"{")
    if opened > MAX_CONTAINERS or (len(body) > MAX_COMMAS and body.count(b",") > MAX_COMMAS):
        _check_count(body, name)
    # orjson takes a tenth of the time, refuses such texts and numbers itself, and reads integers
    # over 64 bits as others do not. What it refuses is read again, to say why or to skip the mark.
    if not _has_long_number(body):
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError:
            pass
        else:
            if opened > MAX_DEPTH:  # fewer can't be nested deeper
                _check_depth(value, name)
            return value
    value = _decode(body, name)
    _check_depth(value, name)
    fault = _fault(value)
    if fault is not None:
        place, why = fault
        raise InvalidBody(f"{_place(place, name)} {why}.")
    return value


def _has_long_number(body: bytes | bytearray) -> bool:
    if len(body) <= PIECE:
        return _LONG_NUMBER.search(body) is not None
    end = b""  # a number may lie across the border of two pieces
    for bare in _outside_strings(body):
        text = end + bare
        if _LONG_NUMBER.search(text):
            return True
        end = text[-15:]
    return False


def _decode(body: bytes | bytearray, name: str) -> Any:
    if body.startswith(_OTHER_ENCODINGS) or b"\0" in body[:4]:
        raise InvalidBody(f"{name} is in UTF-16 or UTF-32, not UTF-8.")
    try:
        if body.startswith(codecs.BOM_UTF8) and not _has_long_number(body):
            return orjson.loads(body[len(codecs.BOM_UTF8) :])
    except orjson.JSONDecodeError:
        pass
    try:
        return _DECODER.decode(body.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InvalidBody(f"{name} is not UTF-8.") from None
    except RecursionError:
        raise _too_deep(name) from None
    except json.JSONDecodeError as error:
        if not body.removeprefix(codecs.BOM_UTF8).strip():
            raise InvalidBody(f"{name} is empty, not JSON.") from None
        what = error.msg.removesuffix(" at")
        raise InvalidBody(f"{name} is not JSON: {what}, character {error.pos}.") from None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else math.inf


_DECODER = json.JSONDecoder(parse_int=_integer)


def _check_count(body: bytes | bytearray, name: str) -> None:
    opened = commas = 0
    for bare in _outside_strings(body):  # the text of a file may hold any number of them
        opened += bare.count(b"[") + bare.count(b"{")
        commas += bare.count(b",")
        if opened > MAX_CONTAINERS:
            raise InvalidBody(
                f"{name} has over {MAX_CONTAINERS:,} arrays and objects, or is nested deeper than "
                f"{MAX_DEPTH} levels."
            )
        if commas > MAX_COMMAS:
            raise InvalidBody(f"{name} has over {MAX_COMMAS:,} values.")


def _outside_strings(body: bytes | bytearray) -> Iterator[bytes]:
    """Yield what stands outside the strings of a JSON text, without its quotes.

    A backslash outside a string is no JSON, so what it does to the text behind it does not matter.
    """
    is_inside, start = 0, 0
    while start < len(body):
        piece = bytes(body[start : start + PIECE])
        if (len(piece) - len(piece.rstrip(b"\\"))) % 2 and start + PIECE < len(body):
            piece = piece[:-1]  # an escape is not cut in two
        start += len(piece)
        parts = piece.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        yield b"".join(parts[is_inside::2])
        is_inside = (is_inside + len(parts) - 1) % 2


def _check_depth(value: Any, name: str) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise _too_deep(name)


def _too_deep(name: str) -> InvalidBody:
    return InvalidBody(f"{name} is nested deeper than {MAX_DEPTH} levels.")


def _children(value: Any) -> list[Any]:
    if not isinstance(value, dict | list):
        return []
    children = value.values() if isinstance(value, dict) else value
    return [child for child in children if isinstance(child, dict | list)]


def _fault(value: object) -> tuple[str, str] | None:
    """Return the place of the first value that is refused, and why."""
    if isinstance(value, str):
        return None if _is_text(value) else ("", "holds a character that is not text")
    if isinstance(value, float):
        return None if math.isfinite(value) else ("", "holds a number that can't be read")
    if isinstance(value, dict):
        return _fault_in([(_step(name), each) for name, each in value.items()], value)
    if isinstance(value, list):
        return _fault_in([(f"[{number}]", each) for number, each in enumerate(value)])
    return None


def _fault_in(children: list[tuple[str, object]], names: Any = ()) -> tuple[str, str] | None:
    if not all(map(_is_text, names)):
        return "", "has a name with a character that is not text"
    for step, child in children:
        found = _fault(child)
        if found is not None:
            return step + found[0], found[1]
    return None


def _step(name: str) -> str:
    return f".{name}" if _FIELD.fullmatch(name) else ".*"


def _place(place: str, name: str) -> str:
    if name == "The body":  # its fields go by their own names
        return place.removeprefix(".")[:MAX_PLACE] or name
    return (name + place)[:MAX_PLACE]


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
