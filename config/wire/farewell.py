"""Farewell: a connection of a server that stops ends so that its client loses no request.

It extends uvicorn's `shutdown`, `on_response_complete` and `_start_asgi_task` as
`config/wire/guard.py` does, and relies on a cycle's `keep_alive` and `response_started`.
"""

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from config.wire import ending
from config.wire.guard import GuardedProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application


class PartingProtocol(GuardedProtocol):
    """One connection, which says that it ends where it can, and else stays a moment longer.

    Closing is seen late at the other end: what was sent there in between would be lost.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._is_ending = False

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        if ending.is_stopping():
            cycle.keep_alive = False  # the answer says so, and the connection is closed behind it
        super()._start_asgi_task(cycle, app)

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
