"""An upstream for the stream benchmark: speaks enough of Flowise, costs next to nothing.

Every event carries the moment at which it was written, so that a reader can tell its lag.
"""

import asyncio
import sys
import time
from typing import cast

import uvloop

EVENTS_PER_SECOND = 20
HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)


def frame(event: str, data: str) -> bytes:
    """A chunk with one of Flowise's frames."""
    text = f'message:\ndata:{{"event":"{event}","data":"{data}"}}\n\n'.encode()
    return b"%x\r\n%s\r\n" % (len(text), text)


class Answer(asyncio.Protocol):
    """One connection: any request is answered with a stream of `seconds` seconds."""

    open: "set[Answer]" = set()
    seconds = 10.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the head."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self.seen = b""

    def data_received(self, data: bytes) -> None:
        """Begin as soon as the head is there; the body is read and forgotten."""
        self.seen += data
        if b"\r\n\r\n" not in self.seen or self in self.open:
            return
        self.left = int(self.seconds * EVENTS_PER_SECOND)
        self.write(HEAD + frame("start", f"@{time.time():.6f}@"))
        self.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self.open.discard(self)

    def write(self, data: bytes) -> None:
        """Without waiting: the reader keeps up or the benchmark fails."""
        self.transport.write(data)

    def tick(self, token: bytes) -> None:
        """One event; the last one is followed by Flowise's end."""
        if self.left:
            self.left -= 1
            self.write(token)
            return
        self.open.discard(self)
        self.seen = b""
        metadata = b'message:\ndata:{"event":"metadata","data":{"chatId":"x"}}\n\n'
        end = b"%x\r\n%s\r\n" % (len(metadata), metadata)
        self.write(end + frame("end", "[DONE]") + b"0\r\n\r\n")


async def serve(port: int, seconds: float) -> None:
    """Listen, and write to every open stream 20 times a second, spread over the interval."""
    Answer.seconds = seconds
    loop = asyncio.get_running_loop()
    await loop.create_server(Answer, "127.0.0.1", port, backlog=4096)
    slots, slot = 10, 0
    while True:
        started = loop.time()
        for number, each in enumerate(list(Answer.open)):
            if number % slots == slot:
                each.tick(frame("token", f"@{time.time():.6f}@"))
        slot = (slot + 1) % slots
        await asyncio.sleep(max(0.0, 1 / EVENTS_PER_SECOND / slots - (loop.time() - started)))


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), float(sys.argv[2])))
