"""Farewell: a connection ends so that its client loses neither a request nor an answer.

It extends uvicorn's `shutdown`, `on_response_complete` and `_start_asgi_task` as
`config/wire/guard.py` does, and relies on a cycle's `keep_alive`, `response_started`, `transport`,
`more_body` and `response_complete`.
"""

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from config.wire import ending
from config.wire.answers import NO_ANSWER
from config.wire.guard import GuardedProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application


MAX_UNHEEDED = 32 * 2**20  # bytes of a refused body: more than any that may come


class _Patient:
    """The transport of a request whose body is still coming, as its cycle uses it.

    Closing on bytes that nobody has read resets the connection, and the client loses the answer.
    """

    __slots__ = ("_cycle", "_protocol", "_transport")

    def __init__(self, protocol: "PartingProtocol", cycle: RequestResponseCycle) -> None:
        self._protocol, self._cycle, self._transport = protocol, cycle, cycle.transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def close(self) -> None:
        """Close once the answer is taken, if it came before the body's end."""
        if self._cycle.response_complete and self._cycle.more_body:
            self._protocol.read_no_more()
        else:
            self._transport.close()


class PartingProtocol(GuardedProtocol):
    """One connection, which says that it ends where it can, and else stays a moment longer.

    Closing is seen late at the other end: what was sent there in between would be lost.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._is_ending = False
        self._left: int | None = None  # bytes that are still thrown away; None: they are parsed

    def throw_away(self, data: bytes) -> None:
        """Take what came after `read_no_more`. The protocol on top asks whether it is so."""
        assert self._left is not None
        self._left -= len(data)
        if self._left < 0:
            self.transport.abort()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        if ending.is_stopping():
            cycle.keep_alive = False  # the answer says so, and the connection is closed behind it
        if cycle.more_body:
            cycle.transport = _Patient(self, cycle)  # type: ignore[assignment]
        super()._start_asgi_task(cycle, app)

    def read_no_more(self) -> None:
        """Parse nothing more; what still comes is thrown away until the client has the answer.

        Uvicorn calls `on_response_complete` next, which shuts our side (see `_part`).
        """
        self._refusal, self._left = NO_ANSWER, MAX_UNHEEDED

    def shutdown(self) -> None:
        """End with the answer that is on its way, if that can still say so.

        An idle connection stays a moment: its client may have sent a request that is not here yet.
        So does one whose answer has begun without saying it: its client may ask again at once.
        """
        self._is_ending = True
        running = self._running
        if self._is_idle():
            self._close_later()
        elif running is not self.cycle or running is None or not running.response_started:
            super().shutdown()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._is_ending and self._is_idle():
            self._close_later()

    def _close_later(self) -> None:
        self.loop.call_later(ending.linger(), self._close_if_idle)

    def _close_if_idle(self) -> None:
        if self._is_idle():
            self.transport.close()
