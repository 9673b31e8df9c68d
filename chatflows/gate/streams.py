"""Streams: the head and the pieces of a streamed answer, and what is said in its silences."""

import asyncio
import time
from collections.abc import Awaitable

from chatflows.gate.exchange import Exchange
from chatflows.gate.responses import Headers
from chatflows.predictions import running
from chatflows.protocols.client import EVENT_STREAM, HEARTBEAT

STREAM_HEADERS: Headers = [
    (b"content-type", EVENT_STREAM),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]
LARGE = 16 * 1024  # bytes; the piece behind a larger one is not asked for before it is sent


class OpenStream:
    """One streamed answer, on its way to the client.

    The head waits for the first event, so that an engine that fails at once is answered with a
    status of its own. A silence ends that: proxies give up on an answer that says nothing. One
    timer watches all silences. It is re-armed when it rings too early.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._beat: asyncio.Task[None] | None = None  # a comment on its way
        self._is_sending = False
        self._due_at = 0.0

    def watch(self) -> None:
        """Begin to watch for silences: the question was read."""
        self._due_at = self._loop.time() + running.FIRST_COMMENT
        self._timer = self._loop.call_at(self._due_at, self._ring)

    async def send(self, body: bytes) -> None:
        """Send a piece, if there is anything in it."""
        if not body:
            return
        self._is_sending = True
        if self._beat is not None:
            await self._settle()
        if not self.exchange.has_begun:
            await self._begin()
        await self._write(body)
        if len(body) > LARGE:
            await self._write(b"")  # it waits until the client has taken what came before
        self._is_sending = False
        self._due_at = self._loop.time() + running.COMMENTS_EVERY

    async def end(self, last: bytes) -> None:
        """Send the last piece and end the response."""
        self.stop_watching()
        await self.send(last)
        await self._settle()
        if not self.exchange.has_begun:
            await self._begin()
        await self.exchange.send({"type": "http.response.body", "body": b""})

    def close(self) -> None:
        """Stop whatever is still to be sent."""
        self.stop_watching()
        if self._beat is not None:
            self._beat.cancel()

    def stop_watching(self) -> None:
        """Say nothing more in silences."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        now = self._loop.time()
        is_commenting = self._beat is not None and not self._beat.done()
        if self._is_sending or is_commenting:  # the client is slow to take what there is
            self._due_at = now + running.COMMENTS_EVERY
        elif now >= self._due_at:
            self._due_at = now + running.COMMENTS_EVERY
            self._beat = self._loop.create_task(self._comment())
        self._timer = self._loop.call_at(self._due_at, self._ring)

    async def _comment(self) -> None:
        if not self.exchange.has_begun:
            await self._begin()
        await self._write(HEARTBEAT)

    async def _settle(self) -> None:
        """Wait for a comment that is on its way: two pieces at once would mix with the head."""
        if self._beat is not None:
            await asyncio.wait({self._beat})  # if we are cancelled, it is not
            self._beat = None

    def _write(self, body: bytes) -> Awaitable[None]:
        message = {"type": "http.response.body", "body": body, "more_body": True}
        return self.exchange.send_message(message)

    async def _begin(self) -> None:
        request_id = (b"x-request-id", self.exchange.request.id.encode())
        self.exchange.streamed_at = time.perf_counter()
        head = [*STREAM_HEADERS, *self.exchange.cors, request_id]
        await self.exchange.send({"type": "http.response.start", "status": 200, "headers": head})
