"""The wire guard: uvicorn's HTTP/1.1 protocol with bounds on what a client may send.

`config/wire/short_way.py` puts the gate's short way on top of it.

uvicorn is pinned, for this module leans on internals of its `httptools_impl`:
- replaced: `data_received`, `_should_upgrade` (so nothing here ever speaks WebSocket);
- extended: `__init__`, `connection_made`, `connection_lost`, `on_headers_complete`, `on_body`,
  `on_message_complete`, `on_response_complete`, `_start_asgi_task`, `pause_writing`,
  `resume_writing`;
- relied on: `parser`, `headers`, `url`, `cycle` (the newest request, not the running one),
  `pipeline` (newest left), `server_state.connections`, `_unset_keepalive_if_required`, and of a
  cycle `response_started`, `response_complete`, `disconnected`, `keep_alive`, `message_event`.

Left to the application: the size and pace of a body it is reading.
"""

import asyncio
from datetime import timedelta
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakSet

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

MAX_HEAD_BYTES = 16 * 1024  # bytes from the request line's first to the blank line's last
MAX_FIELDS = 100  # header fields in a head; as many again in a chunked body's trailer
MAX_FRAMING_BYTES = 16 * 1024  # bytes around a chunked body (extensions, trailer) beyond its credit
FRAMING_CREDIT = 32  # bytes of framing each piece of body may bring along: a size line is short
MAX_QUEUED = 64  # requests waiting on one connection behind the one being answered
HEAD_LIFETIME = timedelta(seconds=10)  # from a head's first byte, or from connecting, to its end
LINGER_LIFETIME = timedelta(seconds=1)  # how long a refused client is still read, unheeded
STALL_LIFETIME = timedelta(minutes=5)  # how long a client may leave an answer waiting for it
SLOWEST_READER = 1024  # bytes a second that a client must take of it to be given longer
SWEEP_INTERVAL = timedelta(seconds=1)  # so a late head goes up to this much after its lifetime


def _answer(status: HTTPStatus) -> bytes:
    body = f"{status.phrase}\n"
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        "content-type: text/plain; charset=utf-8\r\n"
        f"content-length: {len(body)}\r\n"
        "cache-control: no-store\r\n"
        "connection: close\r\n"
        f"\r\n{body}"
    ).encode("ascii")


BAD_REQUEST = _answer(HTTPStatus.BAD_REQUEST)
TIMED_OUT = _answer(HTTPStatus.REQUEST_TIMEOUT)
TOO_LARGE = _answer(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
NO_ANSWER = b""

_swept: WeakSet[ServerState] = WeakSet()


def is_too_slow(taken: int, waited: timedelta, lifetime: timedelta) -> bool:
    """Whether a client that took so many bytes of what waits for it is given up."""
    return waited >= lifetime and taken < waited.total_seconds() * SLOWEST_READER


class RefusedError(Exception):
    """Stops the parser inside a callback; `_fault` holds the answer."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection. A refusal waits until every earlier request has been answered."""

    # Tests shorten these four in a subclass.
    head_lifetime: ClassVar[timedelta] = HEAD_LIFETIME
    stall_lifetime: ClassVar[timedelta] = STALL_LIFETIME
    linger_lifetime: ClassVar[timedelta] = LINGER_LIFETIME
    sweep_interval: ClassVar[timedelta] = SWEEP_INTERVAL

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._running: RequestResponseCycle | None = None  # the request being answered
        self._is_in_head = True  # or between requests; otherwise in a body
        self._spent = 0  # bytes of this head, or of framing in this body, read so far
        self._uncounted = 0  # bytes of the piece in which this head began, at most; not in `_spent`
        self._piece = 0  # bytes that the parser is reading
        self._waiting_since: float | None = None  # loop time; None while the wait is not ours
        self._fault = BAD_REQUEST  # the answer if the parser stops now
        self._refusal: bytes | None = None  # the connection's last words; set: nothing is parsed
        self._is_parting = False  # last words are written, our side is shut
        self._stalled_since: float | None = None  # loop time; None while the client takes all
        self._unsent = 0  # bytes that waited for the client then

    # The connection's life

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._waiting_since = self.loop.time()
        if self.server_state not in _swept:
            _swept.add(self.server_state)
            self._sweep_later()

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self._waiting_since is None and self._is_in_head and self._is_idle():
            self._waiting_since = self.loop.time()
        start = 0
        while start < len(data) and self._refusal is None:
            # Never past the limit in one go: a byte beyond it must not reach the parser.
            piece = data[start : start + min(MAX_HEAD_BYTES, self._room())]
            start += len(piece)
            self._feed(piece)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        # uvicorn tells only the newest request; with one queued, the running one never heard.
        if self._running is not None and not self._running.response_complete:
            self._hang_up(self._running)

    # Reading

    def _room(self) -> int:
        limit = MAX_HEAD_BYTES if self._is_in_head else MAX_FRAMING_BYTES
        return limit - self._spent

    def _feed(self, piece: bytes) -> None:
        self._piece = len(piece)
        self._spent += self._piece
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            self._refuse(NO_ANSWER)  # what follows is in a protocol we do not speak
        except httptools.HttpParserError:
            self._refuse(self._fault)
        else:
            if self._room() <= 0:
                self._refuse(TOO_LARGE if self._is_in_head else BAD_REQUEST)

    def _should_upgrade(self) -> bool:
        return False

    def on_headers_complete(self) -> None:
        self._check_head()
        super().on_headers_complete()
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False
        self._end_head()

    def _end_head(self) -> None:
        self.headers = []  # takes the trailer, which must not join the application's headers
        self._is_in_head = False
        self._spent = self._uncounted = 0
        self._waiting_since = None

    def on_body(self, body: bytes) -> None:
        self._spent -= len(body) + FRAMING_CREDIT
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._end_message()
        super().on_message_complete()

    def _end_message(self) -> None:
        if len(self.headers) > MAX_FIELDS:
            self._stop(TOO_LARGE)
        self._is_in_head = True
        self._spent = 0
        self._uncounted = self._piece
        self._waiting_since = None

    def _check_head(self) -> None:
        """Refuse what the parser lets pass; framing and Host after RFC 9112, 3.2 and 6.1."""
        if len(self.headers) > MAX_FIELDS or self._is_head_too_large():
            self._stop(TOO_LARGE)
        if len(self.pipeline) >= MAX_QUEUED:
            self._stop(NO_ANSWER)
        version = self.parser.get_http_version()
        fields = dict(self.headers)
        hosts = int(b"host" in fields)
        if hosts and len(fields) < len(self.headers):
            hosts = [name for name, _ in self.headers].count(b"host")
        if version not in ("1.0", "1.1") or hosts > 1 or (version == "1.1" and not hosts):
            self._stop(BAD_REQUEST)
        if b"transfer-encoding" in fields and (version == "1.0" or not self._is_plainly_chunked()):
            self._stop(BAD_REQUEST)

    def _is_head_too_large(self) -> bool:
        if self._spent + self._uncounted <= MAX_HEAD_BYTES:
            return False
        # A head that began in the middle of a piece: at least as long as this.
        colons_and_ends = 4 * len(self.headers)
        fields = len(b"".join(chain.from_iterable(self.headers)))
        return len(self.url) + fields + colons_and_ends > MAX_HEAD_BYTES

    def _is_plainly_chunked(self) -> bool:
        codings = [value for name, value in self.headers if name == b"transfer-encoding"]
        return len(codings) == 1 and codings[0].lower() == b"chunked"

    def _stop(self, answer: bytes) -> None:
        self._fault = answer
        raise RefusedError

    # Answering

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        super().on_response_complete()  # starts the next in the queue, if any
        if not self._is_idle():
            return
        if self._refusal is not None:
            self._part()
        elif not self._is_in_head:
            # Answered before its body was read: the rest is of no use and may not take for ever.
            self._waiting_since = self.loop.time()

    def _is_idle(self) -> bool:
        running = self._running
        return running is None or running.response_complete or running.disconnected

    # A client slow to read holds what was written for it, and the upstream behind that.

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled_since = self.loop.time()
        self._unsent = self.transport.get_write_buffer_size()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stalled_since = None

    def _is_stalled(self, now: float) -> bool:
        if self._stalled_since is None:
            return False
        taken = self._unsent - self.transport.get_write_buffer_size()
        waited = timedelta(seconds=now - self._stalled_since)
        return is_too_slow(taken, waited, self.stall_lifetime)

    # Refusing

    def _refuse(self, answer: bytes) -> None:
        """Read no more: finish what was asked before, say `answer`, close."""
        self._refusal = answer
        self.logger.info("Refused a client: %s", answer[9:12].decode() or "no answer")
        if not self._is_in_head:
            self._drop_broken_request()
        if self._is_idle():
            self._part()

    def _drop_broken_request(self) -> None:
        """Forget the newest request, whose body went wrong; the refusal is its answer."""
        if self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
            return
        if self.cycle.response_started:
            self._refusal = NO_ANSWER  # one request, one answer
        self._hang_up(self.cycle)

    @staticmethod
    def _hang_up(cycle: RequestResponseCycle) -> None:
        cycle.disconnected = True
        cycle.message_event.set()

    def _part(self) -> None:
        """Shut our side only: closing on unread bytes resets the connection, the answer lost."""
        if self._is_parting or self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        if self._refusal:
            self.transport.write(self._refusal)
        if not self.transport.can_write_eof():  # TLS
            self.transport.close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()
        self._is_parting = True
        self._waiting_since = self.loop.time()

    # Sweeping: one timer for each server, none for each request

    def _sweep_later(self) -> None:
        self.loop.call_later(
            self.sweep_interval.total_seconds(), self._sweep, self.loop, self.server_state
        )

    @staticmethod
    def _sweep(loop: asyncio.AbstractEventLoop, state: ServerState) -> None:
        guarded = [each for each in state.connections if isinstance(each, GuardedProtocol)]
        if not guarded:
            _swept.discard(state)  # the next connection starts the sweeper again
            return
        guarded[0]._sweep_later()  # first, so that no error below can stop the sweeping
        for connection in guarded:
            connection._close_if_late(loop.time())

    def _close_if_late(self, now: float) -> None:
        if self._is_stalled(now):
            self.logger.info("Hung up on a client that does not read")
            self.transport.abort()
            return
        if self._waiting_since is None:
            return
        waited = timedelta(seconds=now - self._waiting_since)
        if self._is_parting and waited >= self.linger_lifetime:
            self.transport.close()
        elif not self._is_parting and waited >= self.head_lifetime:
            self._refuse(TIMED_OUT if self._is_in_head else NO_ANSWER)
