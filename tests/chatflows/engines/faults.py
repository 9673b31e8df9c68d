"""A fault proxy: raw answers of upstreams that are slow, cut, endless, or no upstream at all."""

import asyncio
import re
from collections.abc import Callable

from tests.chatflows.engines.upstreams import Handler, frame

SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
HELLO = frame("start", "Hel") + frame("token", "Hel")
END = frame("end", "[DONE]")
Stream = Callable[[asyncio.StreamWriter], asyncio.Future[None]]


def chunked(body: bytes) -> bytes:
    """One chunk."""
    return b"%x\r\n%s\r\n" % (len(body), body)


async def read_request(reader: asyncio.StreamReader) -> None:
    """Read a request."""
    # The body too: what is left unread would turn the hang-up into a reset.
    head = await reader.readuntil(b"\r\n\r\n")
    found = re.search(rb"(?i)content-length: (\d+)", head)
    await reader.readexactly(int(found[1]) if found else 0)


def says(*parts: bytes, pause: float = 0, stays: bool = False) -> Handler:
    """Sends parts as they are, then hangs up, or stays silent."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        if stays:
            await reader.read()
            await asyncio.sleep(60)

    return handler


def repeats(head: bytes, part: bytes) -> Handler:
    """Sends a part for ever, as fast as it is taken."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head)
        while True:
            writer.write(part)
            await writer.drain()

    return handler


def half_closes(*parts: bytes) -> Handler:
    """Sends parts, closes its own side, and leaves the other open."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.writelines(parts)
        writer.write_eof()
        await reader.read()
        await asyncio.sleep(60)

    return handler


HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<h1>Hello</h1>\n"
FAULTS: dict[str, tuple[Handler, int, str]] = {
    # name: handler, the status of a whole answer or a stream that never began, the code
    "html": (says(HTML), 502, "upstream_invalid"),
    "garbage": (says(b"\x00\xff\xfegarbage\r\n\r\n"), 502, "upstream_unreachable"),
    "hangs up": (says(), 502, "upstream_unreachable"),
    "blackhole": (says(stays=True), 504, "upstream_timeout"),
    "head only": (says(SSE, stays=True), 504, "upstream_timeout"),
    "redirects": (
        says(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
        502,
        "upstream_error",
    ),
    "broken json": (says(JSON + b'Content-Length: 5\r\n\r\n{"a":'), 502, "upstream_invalid"),
    "a list": (says(JSON + b"Content-Length: 2\r\n\r\n[]"), 502, "upstream_invalid"),
    "cut json": (says(JSON + b'Content-Length: 500\r\n\r\n{"text":'), 502, "upstream_cut"),
    "endless json": (repeats(JSON + b"\r\n", b" " * 65536), 502, "upstream_invalid"),
    "endless head": (
        repeats(b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"a" * 65536),
        502,
        "upstream_unreachable",
    ),
    "gzip": (
        says(JSON + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"),
        502,
        "upstream_invalid",
    ),
    "401": (says(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"), 502, "upstream_unauthorized"),
    "503": (says(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), 502, "upstream_error"),
}
# After the first frame: the code of the record; the caller sees an error frame and no end.
CUTS: dict[str, tuple[Handler, str]] = {
    "cut": (says(SSE, chunked(HELLO)), "upstream_cut"),
    "clean without end": (says(SSE, chunked(HELLO), b"0\r\n\r\n"), "upstream_cut"),
    "cut in a frame": (says(SSE, chunked(HELLO + END[:20])), "upstream_cut"),
    "half-closed": (half_closes(SSE, chunked(HELLO)), "upstream_cut"),
    "silent": (says(SSE, chunked(HELLO), stays=True), "upstream_timeout"),
    "html inside": (says(SSE, chunked(HELLO + b"<html>\n")), "upstream_cut"),
    "endless data": (repeats(SSE + chunked(HELLO), chunked(b"data:\n" * 9999)), "upstream_invalid"),
    "endless comments": (
        repeats(SSE + chunked(HELLO), chunked(b": still here\n\n" * 5000)),
        "upstream_invalid",
    ),
    "no json": (says(SSE, chunked(HELLO + b"data:{nope}\n\n")), "upstream_invalid"),
    "endless line": (
        repeats(SSE + chunked(HELLO + b"data:"), chunked(b"a" * 65536)),
        "upstream_invalid",
    ),
    "endless": (
        repeats(SSE + chunked(HELLO), chunked(frame("x", "a" * 60000))),
        "upstream_invalid",
    ),
}


class Tap:
    """An endless upstream that counts what is taken from it."""

    def __init__(self, head: bytes, part: bytes) -> None:
        self._head, self._part = head, part
        self.size = self.opened = self.running = 0

    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send the part for ever, as fast as it is taken."""
        await read_request(reader)
        self.opened += 1
        self.running += 1
        try:
            writer.write(self._head)
            while True:
                writer.write(self._part)
                await writer.drain()
                self.size += len(self._part)
        finally:
            self.running -= 1
