"""Requests as bytes, and what is asked of their answers."""

import time
from collections.abc import Callable

import pytest

from tests.wire.wires import Connect

MIB = 1024 * 1024
FLAT_KIB = 8 * 1024  # what the process may grow while refusing, allocator's whims included
REFUSED = {400, 408, 431}
HOST = b"Host: localhost\r\n"
GET = b"GET /livez HTTP/1.1\r\n" + HOST
POST = b"POST /livez HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"\r\n"
shipped = pytest.mark.shipped


def get(path: str) -> bytes:
    return b"GET " + path.encode() + b" HTTP/1.1\r\n" + HOST + END


def head_of(size: int, start: bytes = GET) -> bytes:
    return start + b"X-Pad: " + b"a" * (size - len(start) - 11) + b"\r\n\r\n"


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def on_hold(connect: Connect, count: int) -> bool:
    return bool(connect().say(get("/")).hear().content["holding"] == count)
