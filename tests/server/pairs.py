"""Two servers on one database, one of them without the short way, and what each says to a call."""

import re
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.server.forks import PATIENCE
from tests.server.shipped import OWNER, Shipped, start

PROGRAM = ("-m", "tests.server.ways")
PAUSE = 0.01  # seconds between two packets
LIVEZ = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
_REQUEST_ID = re.compile(rb"req_\w{16}")
_DATE = re.compile(rb"\r\ndate: [^\r]+")
_RESET = re.compile(rb"(;t=|\r\nx-ratelimit-reset: )\d+")  # seconds until there is room again
_UUID = rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
_NEW_IDS = re.compile(rb'"(chatId|chatMessageId|sessionId)":"' + _UUID + rb'"')
_MESSAGE_ID = re.compile(rb'"chatMessageId":"(' + _UUID + rb')"')
_INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"


class Said(NamedTuple):
    """All that a server said to a call on a connection of its own, and to /livez behind it."""

    all: bytes

    @property
    def alike(self) -> bytes:
        """Every byte that must not depend on the way."""
        told = _DATE.sub(b"\r\ndate: -", _REQUEST_ID.sub(b"req_-", self.all))
        told = _RESET.sub(rb"\1-", told)
        return _NEW_IDS.sub(rb'"\1":"new"', told)

    @property
    def status(self) -> int:
        """Of the first answer; 0 for none."""
        head = self.all.removeprefix(_INTERIM)
        return int(head[9:12]) if head else 0

    @property
    def request_id(self) -> str:
        """Of the first answer."""
        found = _REQUEST_ID.search(self.all)
        return found[0].decode() if found else ""

    @property
    def message_id(self) -> str:
        """Of the turn, if the question was answered."""
        found = _MESSAGE_ID.search(self.all)
        return found[1].decode() if found else ""


class Pair:
    """Both servers."""

    def __init__(self, quick: Shipped, ordinary: Shipped) -> None:
        self.quick, self.ordinary = quick, ordinary
        self.do = quick.do

    def say(self, packets: Sequence[bytes]) -> tuple[Said, Said]:
        """Send a call to both, each on a connection of its own."""
        return say(self.quick.port, packets), say(self.ordinary.port, packets)

    def ways(self) -> list[str]:
        """What the short way did so far: `short`, or `ordinary` for what it left to the other."""
        return (self.quick.folder / "ways").read_text().split()

    def rows(self, said: Sequence[Said], last: Sequence[Said]) -> list[Any]:
        """What was recorded of each call, once the calls `last` are recorded, one of each server.

        Without what must differ: the ids that are made anew, and times.
        """
        deadline = time.monotonic() + PATIENCE
        names = [each.request_id for each in last]
        while len(self.do("records", request_ids=names)) < len(names):
            assert time.monotonic() < deadline, "the calls were not recorded"
            time.sleep(0.05)
        calls = self.do("records", request_ids=[each.request_id for each in said])
        turns = self.do("turns", message_ids=[each.message_id for each in said if each.message_id])
        return [(calls.get(each.request_id), turns.get(each.message_id)) for each in said]


@contextmanager
def running(folder: Path, **env: str) -> Iterator[Pair]:
    """Start two servers, which share a folder or a PostgreSQL; stop them, and look at their log."""
    quick = start(folder, {**OWNER, "WAY": "noted", **env}, command=PROGRAM)
    shared = {name: quick.env[name] for name in ("DATABASE_URL",) if name in quick.env}
    shared |= {"WAY": "ordinary", "WORKER": "external", **env}
    try:
        ordinary = start(folder, shared, command=PROGRAM)
        ordinary.chatflow = quick.chatflow
        try:
            yield Pair(quick, ordinary)
        finally:
            assert ordinary.stop() == 0
    finally:
        assert quick.stop() == 0
    assert "Traceback" not in quick.log
    assert "failed" not in quick.log


def say(port: int, packets: Sequence[bytes]) -> Said:
    """Send packets, read the answer, ask for /livez on the same connection, read to its end.

    So an answer that is too long or too short shows, and whether the connection is kept.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number, packet in enumerate(packets):
            if number:
                time.sleep(PAUSE)
            wire.sendall(packet)
        heard = b""
        is_head = packets[0].startswith(b"HEAD ")
        while not _is_whole(heard, is_head=is_head):
            more = wire.recv(65536)
            if not more:
                return Said(heard)
            heard += more
        try:
            wire.sendall(LIVEZ)
            while more := wire.recv(65536):
                heard += more
        except (ConnectionResetError, BrokenPipeError):
            pass
        return Said(heard)


def _is_whole(heard: bytes, *, is_head: bool) -> bool:
    head, found, body = heard.removeprefix(_INTERIM).partition(b"\r\n\r\n")
    if not found:
        return False
    length = re.search(rb"\r\ncontent-length: (\d+)", head)
    if is_head or length is None:
        return is_head or b"chunked" not in head or body.endswith(b"0\r\n\r\n")
    return len(body) >= int(length[1])
