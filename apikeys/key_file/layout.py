"""The format of the key file: its head, its lines, and the seal of each line. Pure.

The file is JSON Lines. Line 1 is the head, the teams follow, then the keys. Each line ends with a
seal: an HMAC of the generation, the line's number and the line. So no line can be changed, moved,
doubled or taken from an older file, and the count in the head shows a missing end.
"""

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

NAME = "flowlatch-keys.jsonl"
VERSION = 1
LONGEST = 64 * 2**20  # bytes of a line: a key can be selected for very many chatflows
_LONGEST_HEAD = 1000
_LABEL = b"flowlatch key file 1"  # so that no MAC of an audit row is a seal
_OF_KEY = b'{"line":"key","id":"'
_SEAL = b',"seal":"'
_END = b'"}\n'
_SEAL_LENGTH = len(_SEAL) + 64 + len(_END)


class Damaged(Exception):
    """Raised for a file that is not as it was written. The message names the line."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"line {number} {reason}")
        self.number = number


class Line(NamedTuple):
    """A line without its seal, and its SHA-256. Both stay the same in the next generation."""

    body: bytes  # a JSON object without its closing brace
    digest: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """The first line: which state of the database the file holds, and how many lines follow."""

    generation: int
    count: int
    mark: str  # by which the database knows the generation as its own
    created: str
    ring: int  # the version of the ring's audit key

    def line(self) -> Line:
        """Return the head as a line."""
        return line("head", {"version": VERSION, **asdict(self)})


def line(kind: str, facts: Mapping[str, object]) -> Line:
    """Return facts as a line: those of a team, of a key or of the head."""
    body = json.dumps({"line": kind, **facts}, separators=(",", ":"), default=_plain).encode()[:-1]
    return Line(body, hashlib.sha256(body).digest())


def sealing_key(audit_key: bytes) -> bytes:
    """Return the key of the seals, made from an audit key of the ring."""
    return hmac.digest(audit_key, _LABEL, "sha256")


def sealed(head: Head, lines: Iterable[Line], key: bytes) -> Iterator[bytes]:
    """Return the lines of a file, each with its seal."""
    keyed, generation = hmac.new(key, digestmod="sha256"), head.generation
    for number, each in enumerate([head.line(), *lines], start=1):
        yield each.body + _SEAL + _seal(keyed, generation, number, each.digest) + _END


def read_head(first: bytes, key_of: Callable[[int], bytes | None]) -> Head:
    """Return the head of a file from its first line. `key_of` returns the key of a ring version.

    Raises Damaged.
    """
    try:
        if len(first) > _LONGEST_HEAD:
            raise ValueError
        facts = json.loads(first)
        if facts["line"] != "head" or facts["version"] != VERSION:
            raise ValueError
        head = Head(*[facts[each.name] for each in fields(Head)])
        if not all(type(number) is int for number in (head.generation, head.count, head.ring)):
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Damaged(1, f"is not the head of a key file of version {VERSION}") from None
    key = key_of(head.ring)
    if key is None:
        raise Damaged(1, "was sealed under a key that the key ring does not hold")
    _body(first, head.generation, 1, hmac.new(key, digestmod="sha256"))
    return head


def verified(
    lines: Iterable[bytes], key_of: Callable[[int], bytes | None]
) -> tuple[Head, list[Line]]:
    """Return the head of a file and the lines that follow, once each seal was checked.

    Raises Damaged, which names the first line that does not hold.
    """
    given = iter(lines)
    head = read_head(next(given, b""), key_of)
    key = key_of(head.ring)
    assert key is not None
    keyed, found = hmac.new(key, digestmod="sha256"), []
    for number, each in enumerate(given, start=2):
        if number > head.count + 1:
            raise Damaged(number, "is one too many")
        found.append(_body(each, head.generation, number, keyed))
    if len(found) != head.count:
        raise Damaged(len(found) + 2, f"is missing: the head counts {head.count}")
    return head, found


def told(line: Line) -> dict[str, Any]:
    """Return what a line says. Its seal has been checked."""
    facts: dict[str, Any] = json.loads(line.body + b"}")
    return facts


def key_id(line: Line) -> bytes | None:
    """Return the id of the key that a line is about, or None if it is about a team."""
    if not line.body.startswith(_OF_KEY):
        return None
    return line.body[len(_OF_KEY) : len(_OF_KEY) + 36]


def _body(given: bytes, generation: int, number: int, keyed: hmac.HMAC) -> Line:
    """Return a line without its seal. Raises Damaged if the seal does not hold."""
    body, seal = given[:-_SEAL_LENGTH], given[-_SEAL_LENGTH:]
    digest = hashlib.sha256(body).digest()
    expected = _seal(keyed, generation, number, digest)
    if not hmac.compare_digest(seal, _SEAL + expected + _END):
        raise Damaged(number, "does not hold: it was changed, moved or cut off")
    return Line(body, digest)


def _seal(keyed: hmac.HMAC, generation: int, number: int, digest: bytes) -> bytes:
    mac = keyed.copy()  # quicker than a new one for each of 10,000 lines
    mac.update(b"%d %d " % (generation, number) + digest)
    return mac.hexdigest().encode()


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return b64encode(value).decode()
    raise TypeError(type(value).__name__)
