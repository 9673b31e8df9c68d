"""The wire guard: uvicorn's HTTP/1.1 protocol with bounds on what a client may send.

`short_way.py` puts the gate's short way on top of it.

uvicorn is pinned, for this module leans on internals of its `httptools_impl`:
- replaced: `data_received`, `_should_upgrade` (so nothing here ever speaks WebSocket), and behind
  an offer of another protocol `parser` (see `offers.py`);
- extended: `__init__`, `connection_made`, `connection_lost`, `on_headers_complete`, `on_body`,
  `on_message_complete`, `on_response_complete`, `_start_asgi_task`, `pause_writing`,
  `resume_writing`;
- relied on: `parser`, `headers`, `url`, `cycle` (the newest request, not the running one),
  `pipeline` (newest left), `server_state.connections`, `_unset_keepalive_if_required`, and of a
  cycle `response_started`, `response_complete`, `disconnected`, `keep_alive`, `message_event`.

Left to the application: the size and pace of a body it is reading.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from config.wire import heads, offers, old_clients, paces
from config.wire.answers import BAD_REQUEST, CROWDED, NO_ANSWER, TIMED_OUT, TOO_LARGE
from config.wire.crowd import Crowd, peer_of
from config.wire.edge import Edge, Nowhere

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

MAX_HEAD_BYTES = 16 * 1024  # bytes from the request line's first to the blank line's last
MAX_FIELDS = 100  # header fields in a head; as many again in a chunked body's trailer
MAX_FRAMING_BYTES = 16 * 1024  # bytes around a chunked body (extensions, trailer) beyond its credit
FRAMING_CREDIT = 32  # bytes of framing each piece of body may bring along: a size line is short
WRITE_AHEAD = 16 * 1024  # bytes that wait for a client before its answer does
MAX_QUEUED = 64  # requests waiting on one connection behind the one being answered

_crowds: WeakKeyDictionary[ServerState, Crowd] = WeakKeyDictionary()  # those that are swept


class RefusedError(Exception):
    """Stops the parser inside a callback; `_fault` holds the answer."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection. A refusal waits until every earlier request has been answered."""

    # Tests shorten these four in a subclass.
    head_lifetime: ClassVar[timedelta] = paces.HEAD_LIFETIME
    stall_lifetime: ClassVar[timedelta] = paces.STALL_LIFETIME
    linger_lifetime: ClassVar[timedelta] = paces.LINGER_LIFETIME
    sweep_interval: ClassVar[timedelta] = paces.SWEEP_INTERVAL

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._edge: Edge = getattr(self.app, "edge", None) or Nowhere()
        self.rested_at = 0.0  # loop time; see Connection
        self._peer: str | None = None  # None: not in the crowd
        self._offer: bytes | None = None  # a head without the offer that it came with
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
        transport.set_write_buffer_limits(WRITE_AHEAD)
        self._waiting_since = self.loop.time()
        self._crowd = _crowds.get(self.server_state) or self._begin_crowd()
        self.rested_at = self._waiting_since
        address = self.client[0] if self.client else ""
        self._peer = peer_of(address)
        if not self._crowd.enter(self, self._peer, address):
            self._refusal = CROWDED
            self.give_way()

    def _begin_crowd(self) -> Crowd:
        self._sweep_later()
        crowd = Crowd(self.logger, self.limit_concurrency, self._edge.is_proxy)
        return _crowds.setdefault(self.server_state, crowd)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self._waiting_since is None and self._is_in_head and self._is_idle():
            self._waiting_since = self.loop.time()
        start = 0
        while start < len(data) and self._refusal is None:
            # Never past the limit in one go: a byte beyond it must not reach the parser.
            piece = data[start : start + min(MAX_HEAD_BYTES, self._room())]
            start += self._feed(piece)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._leave_crowd()
        # uvicorn tells only the newest request; with one queued, the running one never heard.
        if self._running is not None and not self._running.response_complete:
            self._hang_up(self._running)

    # Reading

    def _room(self) -> int:
        limit = MAX_HEAD_BYTES if self._is_in_head else MAX_FRAMING_BYTES
        return limit - self._spent

    def _feed(self, piece: bytes) -> int:
        """Parse a piece, and return how many bytes of it were."""
        self._piece = len(piece)
        self._spent += self._piece
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as stopped:
            self._decline_offer()
            return int(stopped.args[0])
        except httptools.HttpParserError:
            self._refuse(self._fault)
        else:
            if self._room() <= 0:
                self._refuse(TOO_LARGE if self._is_in_head else BAD_REQUEST)
        return len(piece)

    def _decline_offer(self) -> None:
        head, self._offer = self._offer, None
        assert head is not None
        self.parser = offers.new_parser(self)
        self._spent = self._uncounted = 0
        self._feed(head)
        self._uncounted = 0  # what follows comes in a piece of its own

    def _should_upgrade(self) -> bool:
        return False

    def on_headers_complete(self) -> None:
        self._check_head()
        if self.parser.should_upgrade():
            self._note_offer()
        else:
            super().on_headers_complete()
            self._end_head()

    def _note_offer(self) -> None:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT":  # always taken for an offer
            self._stop(BAD_REQUEST)
        self._offer = offers.declined(method, self.url, version, self.headers)

    def _end_head(self) -> None:
        self.headers = []  # takes the trailer, which must not join the application's headers
        self._is_in_head = False
        self._spent = self._uncounted = 0
        self._waiting_since = None

    def on_body(self, body: bytes) -> None:
        self._spent -= len(body) + FRAMING_CREDIT
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._offer is not None:
            return  # its body comes with the next parser
        self._end_message()
        if self.cycle is self._running:
            self._note(self._crowd.works)
        super().on_message_complete()

    def _end_message(self) -> None:
        if len(self.headers) > MAX_FIELDS:
            self._stop(TOO_LARGE)
        self._is_in_head = True
        self._spent = 0
        self._uncounted = self._piece
        self._waiting_since = None

    def _check_head(self) -> None:
        """Refuse what the parser lets pass."""
        if len(self.headers) > MAX_FIELDS or self._is_head_too_large():
            self._stop(TOO_LARGE)
        if len(self.pipeline) >= MAX_QUEUED:
            self._stop(NO_ANSWER)
        version, is_own = self.parser.get_http_version(), self._edge.is_own_host
        if not heads.is_allowed(version, self.url, self.headers, is_own):
            self._stop(BAD_REQUEST)

    def _is_head_too_large(self) -> bool:
        if self._spent + self._uncounted <= MAX_HEAD_BYTES:
            return False
        # A head that began in the middle of a piece: at least as long as this.
        colons_and_ends = 4 * len(self.headers)
        fields = len(b"".join(chain.from_iterable(self.headers)))
        return len(self.url) + fields + colons_and_ends > MAX_HEAD_BYTES

    def _stop(self, answer: bytes) -> None:
        self._fault = answer
        raise RefusedError

    # Answering

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        self._running = cycle
        if cycle.scope["http_version"] == "1.0":
            app = old_clients.without_chunks(cycle, app)
        self._note(self._crowd.reads if cycle.more_body else self._crowd.works)
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        self.rested_at = self.loop.time()
        self._note(self._crowd.rests)
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

    # Giving way

    def _note(self, news: Callable[["GuardedProtocol", str], None]) -> None:
        if self._peer is not None:
            news(self, self._peer)

    def _leave_crowd(self) -> None:
        self._note(self._crowd.leave)
        self._peer = None

    def give_way(self) -> None:
        """See Connection."""
        self._leave_crowd()
        running = None if self._is_idle() else self._running
        if self._refusal is CROWDED or (running is not None and not running.response_started):
            self.transport.write(CROWDED)
        if running is not None:
            self._hang_up(running)
        if self.transport.get_write_buffer_size():  # it does not read: closing would wait for it
            self.transport.abort()
        else:
            self.transport.close()

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
        return paces.is_too_slow(taken, waited, self.stall_lifetime)

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
            _crowds.pop(state, None)  # the next connection starts the sweeper again
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
