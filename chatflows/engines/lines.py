"""Event streams as the HTML standard reads them (section 9.2.6), within bounds. Pure."""

import json
from collections.abc import Iterator
from typing import NamedTuple

MAX_LINE_BYTES = 2 * 1024 * 1024  # a frame with sources can be large
LINE_COST = 64  # bytes of memory that a line of an event takes beside its own
BOM = b"\xef\xbb\xbf"


class TooLong(Exception):
    """Raised for a line or an event over the limit."""


class Lines:
    """Collects chunks as they come, and returns whole lines without their line ends.

    A line ends in LF, CR LF or CR. A CR ends its line at once, wherever the chunk is cut.
    """

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self.has_begun = False  # a byte order mark may stand only before that
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._ended_in_cr = False

    @property
    def are_whole(self) -> bool:
        """Whether the last chunk ended at the end of a line, for certain."""
        return not self._size and not self._ended_in_cr

    @property
    def rest(self) -> bytes:
        """What has come of the line that has no end yet."""
        rest = b"".join(self._parts)
        return rest if self.has_begun else rest.removeprefix(BOM)

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that a chunk completes. Raises TooLong."""
        if self._ended_in_cr or b"\r" in chunk:
            chunk = self._with_line_feeds(chunk)
        first, *others = chunk.split(b"\n")
        self._parts.append(first)
        self._size += len(first)
        if self._size > self._limit:
            raise TooLong
        if not others:
            return []
        lines = [b"".join(self._parts), *others[:-1]]
        self._parts, self._size = [others[-1]], len(others[-1])
        if not self.has_begun:
            self.has_begun = True
            lines[0] = lines[0].removeprefix(BOM)
        return lines

    def _with_line_feeds(self, chunk: bytes) -> bytes:
        if self._ended_in_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._ended_in_cr = False
        self._ended_in_cr = self._ended_in_cr or chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


class Message(NamedTuple):
    """One event of a stream: its type, empty if it names none, and its data."""

    name: bytes
    data: bytes


class Messages:
    """Reads the events of a stream from its chunks.

    `last` holds the data of events that end an answer. They need no empty line around them, nor
    does a JSON object that is whole in one line: some servers leave it out. No JSON goes on behind
    either, so nothing that the standard reads as one event is lost by it.
    """

    def __init__(self, last: frozenset[bytes]) -> None:
        self.lines = Lines()
        self._last = last
        self._data: list[bytes] = []
        self._size = 0
        self._name = b""

    @property
    def are_whole(self) -> bool:
        """Whether the last chunk ended at the end of an event."""
        return self.lines.are_whole and not self._data and not self._name

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """Yield the events that a chunk completes. Raises TooLong.

        Comments, fields that nobody knows and events without data are left out.
        """
        for line in self.lines.feed(chunk):
            if line.startswith(b"data:"):
                data = line[6:] if line.startswith(b"data: ") else line[5:]
                word = data.strip()
                is_last = word in self._last
                if self._data and (is_last or self._is_whole_in_a_line):
                    yield self._message()
                if is_last:
                    yield Message(self._name, word)
                else:
                    self._add(data)
            elif not line:
                if self._data:
                    yield self._message()
                self._name = b""
            elif line == b"data":
                self._add(b"")
            elif line.startswith(b"event:"):
                self._name = line[6:].strip()

    def end(self) -> Iterator[Message]:
        """Yield what the stream ended in, if it is whole. The end of a line may be missing."""
        if self.lines.rest:
            yield from self.feed(b"\n")
        if self._data and _is_object(b"\n".join(self._data)):
            yield self._message()

    @property
    def _is_whole_in_a_line(self) -> bool:
        return len(self._data) == 1 and _is_object(self._data[0])

    def _add(self, data: bytes) -> None:
        if self._data:
            self._size += len(data) + LINE_COST
        else:
            self._size = len(data)
        if self._size > MAX_LINE_BYTES:
            raise TooLong
        self._data.append(data)

    def _message(self) -> Message:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        self._data = []
        return Message(self._name, data)


def _is_object(data: bytes) -> bool:
    data = data.strip()
    if not (data.startswith(b"{") and data.endswith(b"}")):
        return False
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True
