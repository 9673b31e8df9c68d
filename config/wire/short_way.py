"""The short way on the wire: a request that the application answers without a task of its own.

An ASGI application may offer `short_way`. A request that is for it is held until its body is here;
most such requests come in one packet. The application then writes the whole response from plain
functions, and uvicorn makes neither a scope nor a cycle nor a task. Whatever is unusual goes the
ordinary way: uvicorn's own callbacks are replayed, as if the request had come just now.

It leans on uvicorn's internals as `config/wire/guard.py` does. It replaces `on_message_begin`,
extends `on_headers_complete`, `on_body`, `on_message_complete`, `_start_asgi_task` and `shutdown`,
and relies on `timeout_keep_alive` and on `server_state.default_headers` and `total_requests`.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Protocol

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from config.wire import ending
from config.wire.farewell import PartingProtocol
from config.wire.guard import FRAMING_CREDIT

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

MAX_IN_A_ROW = 16  # short answers to one read of the socket; then others get their turn

Header = tuple[bytes, bytes]


class Reply(Protocol):
    """A whole response but for the server's own headers."""

    @property
    def status(self) -> int: ...

    @property
    def fields(self) -> bytes:
        """Header fields, each with its line end."""

    @property
    def body(self) -> bytes: ...


class ShortWay(Protocol):
    """What an application may offer: answers to requests whose body is here."""

    def is_for(self, method: bytes, url: bytes) -> bool:
        """Return whether to hold a request until its body is here."""

    def take(
        self, held: "Held", client: tuple[str, int] | None, then: Callable[[Reply | None], bool]
    ) -> None:
        """Call `then` once, now or later, with a reply, or with None: then the request goes on.

        It returns whether a reply found its client.
        """


class Held:
    """A request that is held: its head, and what came of its body."""

    __slots__ = ("body", "cycle", "headers", "is_whole", "url")

    def __init__(self, url: bytes, headers: list[Header]) -> None:
        self.url = url
        self.headers = headers
        self.body = b""
        self.is_whole = False
        # Made where the answer has to be waited for: those behind it queue up, and a client that
        # leaves or a server that ends is noticed.
        self.cycle: tuple[RequestResponseCycle, ASGI3Application] | None = None


class QuickProtocol(PartingProtocol):
    """One connection of the shipped server."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._short_way: ShortWay | None = getattr(self.app, "short_way", None)
        self._held: Held | None = None
        # Loop time; set while a connection rests behind a short answer. The sweeper looks at it,
        # where uvicorn sets a timer for each answer.
        self._idle_since: float | None = None
        self._left_in_a_row = MAX_IN_A_ROW

    # Holding a request

    def data_received(self, data: bytes) -> None:
        if self._left is not None:
            self.throw_away(data)
            return
        self._idle_since = None
        self._left_in_a_row = MAX_IN_A_ROW
        super().data_received(data)

    def on_message_begin(self) -> None:
        # What uvicorn does here, but for the scope, which is made where it is needed.
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        if self._is_short():
            self._check_head()
            self._held = Held(self.url, self.headers)
            self._end_head()
        else:
            self._make_scope(self.url, self.headers, expects=self.expect_100_continue)
            super().on_headers_complete()

    def _is_short(self) -> bool:
        parser = self.parser
        return (
            self._short_way is not None
            and self._short_way.is_for(parser.get_method(), self.url)
            and (self.cycle is None or self.cycle.response_complete)
            and not self.pipeline
            and not self.expect_100_continue
            and not self.flow.write_paused
            and self._left_in_a_row > 0
            and not self._is_crowded()
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not ending.is_stopping()
        )

    def _is_crowded(self) -> bool:
        limit = self.limit_concurrency  # uvicorn refuses what comes beyond it
        return limit is not None and (len(self.connections) >= limit or len(self.tasks) >= limit)

    def on_body(self, body: bytes) -> None:
        if self._held is None:
            super().on_body(body)
        else:
            self._spent -= len(body) + FRAMING_CREDIT
            self._held.body += body

    def on_message_complete(self) -> None:
        held = self._held
        if held is None:
            super().on_message_complete()
            return
        self._end_message()
        held.is_whole = True
        assert self._short_way is not None
        try:
            self._short_way.take(held, self.client, partial(self._go_on, held))
        except Exception as error:  # the parser would take it for a fault of the client
            self.logger.error(f"The short way failed: {type(error).__name__}")
            if self._held is held:
                self._go_on(held, None)
        if self._held is held:  # what it asks has to be waited for
            self._replay(held)
            held.cycle, self._held = (self.cycle, self.app), None

    def _feed(self, piece: bytes) -> int:
        count = super()._feed(piece)
        held = self._held
        if held is not None:  # its body is not all here: it may be refused before that
            self._held = None
            self._replay(held)
        return count

    def _drop_broken_request(self) -> None:
        held, self._held = self._held, None
        if held is not None:  # as if its head had come by itself: what it asked is recorded
            self._replay(held)
        super()._drop_broken_request()

    # Answering

    def _go_on(self, held: Held, reply: Reply | None) -> bool:
        if held.cycle is not None:
            return self._answer_cycle(*held.cycle, reply)
        self._held = None
        if reply is None:
            self._replay(held)
            return False
        self._write(reply, is_kept=True)
        self.server_state.total_requests += 1
        self._left_in_a_row -= 1
        self._idle_since = self.rested_at = self.loop.time()
        return True

    def _answer_cycle(
        self, cycle: RequestResponseCycle, app: "ASGI3Application", reply: Reply | None
    ) -> bool:
        if reply is None:
            HttpToolsProtocol._start_asgi_task(self, cycle, app)
        elif not (cycle.disconnected or self.transport.is_closing()):
            cycle.response_started = cycle.response_complete = True
            self._write(reply, is_kept=cycle.keep_alive)
            if not cycle.keep_alive:
                self.transport.close()
            self.on_response_complete()
            return True
        return False

    def _write(self, reply: Reply, *, is_kept: bool) -> None:
        """Write a whole response, as uvicorn's cycle would."""
        defaults = _joined(*self.server_state.default_headers)
        close = b"" if is_kept else b"connection: close\r\n"
        head = STATUS_LINE[reply.status] + defaults + reply.fields + close
        self.transport.write(head + b"\r\n" + reply.body)

    # The ordinary way

    def _replay(self, held: Held) -> None:
        """Have uvicorn's callbacks see the request, as if it came just now."""
        trailer = self.headers
        self._make_scope(held.url, held.headers, expects=False)
        HttpToolsProtocol.on_headers_complete(self)
        self.headers = trailer
        if held.body:
            HttpToolsProtocol.on_body(self, held.body)
        if held.is_whole:
            HttpToolsProtocol.on_message_complete(self)

    def _make_scope(self, url: bytes, headers: list[Header], *, expects: bool) -> None:
        self._idle_since = None
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers  # the list that the scope holds

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        if ending.is_stopping():
            cycle.keep_alive = False  # the answer says so, and the connection is closed behind it
        if self._held is None:
            super()._start_asgi_task(cycle, app)
        else:  # the short way is at it
            self._running = cycle
            self._note(self._crowd.works)

    # Ending

    def shutdown(self) -> None:
        """End with the answer that is on its way. An idle connection stays a moment longer.

        Its client may have sent a request that is not here yet.
        """
        if self._is_idle() and not self.transport.is_closing():
            self.loop.call_later(ending.linger(), self._close_if_idle)
        else:
            super().shutdown()

    def _close_if_idle(self) -> None:
        if self._is_idle():
            self.transport.close()

    def _close_if_late(self, now: float) -> None:
        if self._idle_since is not None and now - self._idle_since >= self.timeout_keep_alive:
            self._idle_since = None  # what is unsent may still stall
            self.transport.close()
        else:
            super()._close_if_late(now)


@lru_cache(maxsize=1)  # they change once a second
def _joined(*fields: Header) -> bytes:
    return b"".join([name + b": " + value + b"\r\n" for name, value in fields])
