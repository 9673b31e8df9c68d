"""Raw sockets to a server: they say exactly what they are told and hear what comes back."""

import contextlib
import json
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

PATIENCE = 20.0  # seconds until a test gives up; a passing test never waits for it


class Server(NamedTuple):
    """Where it listens, which process it is, and where its log goes."""

    host: str
    port: int
    pid: int
    log: Path | None = None

    def resident_kib(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0])


class Answer(NamedTuple):
    """One HTTP answer, read off the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


class Wire:
    """A connection that says exactly what it is told."""

    def __init__(self, server: Server) -> None:
        self.socket = socket.create_connection((server.host, server.port), timeout=PATIENCE)
        self._unread = b""

    def say(self, data: bytes) -> "Wire":
        """Send all of it, or as much as the other side takes."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)
        return self

    def hear(self) -> Answer:
        """Read one answer with a content-length or in chunks."""
        head, _, self._unread = self._read_until(b"\r\n\r\n").partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        length = int(headers.get("content-length", "0"))
        while len(self._unread) < length and self._read_more():
            pass
        body, self._unread = self._unread[:length], self._unread[length:]
        return Answer(int(lines[0].split()[1]), headers, body)

    def hear_all(self) -> list[int]:
        """Read until the other side closes; the status of each answer."""
        while self._read_more():
            pass
        return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", self._unread)]

    def hear_text(self) -> bytes:
        """Read until the other side closes; all that it said."""
        while self._read_more():
            pass
        return self._unread

    def hear_bytes(self, most: int = sys.maxsize) -> int:
        """Read that much, or until the other side closes; how much came."""
        heard = 0
        while heard < most and self._read_more():
            heard += len(self._unread)
            self._unread = b""
        return heard

    def _read_until(self, mark: bytes) -> bytes:
        while mark not in self._unread:
            assert self._read_more(), f"closed after {self._unread!r}"
        return self._unread

    def _read_more(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self._unread += data
        return bool(data)


Connect = Callable[[], Wire]
