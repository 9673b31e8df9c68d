"""Draining: a server process that ends without losing a call.

From the signal on answers say `Connection: close`, and `/readyz` is red. The process goes on taking
connections for `SHUTDOWN_DELAY` seconds, so that those who send callers here hear of it. Then it
takes in what waits at its listening sockets, and closes them. Idle connections stay a moment
longer: a client may have sent something just now. Answers have GRACE seconds to end; those that
don't are ended with words that say so.

It leans on internals of uvicorn's Server, which is pinned: `handle_exit`, `on_tick`, `shutdown`,
`servers`, `lifespan`, `server_state` and `_captured_signals`.
"""

import asyncio
import signal
import socket
import time
from collections.abc import Sequence
from types import FrameType

import structlog
import uvicorn
from uvicorn.config import Config

from config.wire import ending

log = structlog.get_logger("flowlatch.server")

LAST_WORDS = 2.5  # seconds before the end of the grace in which answers say why they end; then
# their connections linger (config/wire/ending.py)
WORDS_AGAIN = 0.25  # seconds
SAME_PRESS = 1.0  # seconds
TAKEN_AT_ONCE = 4096  # connections; a backlog holds fewer


class DrainingServer(uvicorn.Server):
    """One process that serves."""

    def __init__(self, config: Config, delay: float = 0.0) -> None:
        """Make a server that goes on for `delay` seconds after it was told to stop."""
        super().__init__(config)
        self._delay = delay
        self._told_at: float | None = None  # by the monotonic clock
        self._exit_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop. A second signal does not wait for the delay, a second SIGINT for nothing.

        A terminal sends SIGINT to all processes at once, and the first one tells the others too:
        what comes within SAME_PRESS is no second signal.
        """
        now = time.monotonic()
        ending.begin(is_hurried=sig == signal.SIGINT)
        if self._told_at is None:
            self._told_at = now
            self._captured_signals.append(sig)
        elif sig == signal.SIGINT and now - self._told_at > SAME_PRESS:
            self.force_exit = True
        is_delayed = self._delay > 0 and sig == signal.SIGTERM and self._told_at == now
        self._exit_at = now + self._delay if is_delayed else now

    async def on_tick(self, counter: int) -> bool:
        """See uvicorn: True ends the main loop."""
        if self._exit_at is not None and time.monotonic() >= self._exit_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop taking connections, and end once those that are here are done."""
        ending.begin()
        log.info("stopping", running=len(self.server_state.tasks))
        await self._stop_listening(sockets or [])
        grace = self.config.timeout_graceful_shutdown or 0
        loop = asyncio.get_running_loop()
        self._farewell = loop.call_later(max(grace - LAST_WORDS, 0), self._end_answers)
        try:
            await super().shutdown([])
        finally:
            self._farewell.cancel()
        log.info("stopped")

    async def _stop_listening(self, sockets: Sequence[socket.socket]) -> None:
        """Close the listening sockets. Whoever waits at them is taken in first.

        All handles share one queue, which lasts as long as one of them, in whatever process. So it
        is emptied between the last but one and the last.
        """
        taken: list[socket.socket] = []
        for number, server in enumerate(self.servers):
            if number == len(self.servers) - 1 and sockets:
                taken = _taken(sockets[-1])
            server.close()
            if number < len(sockets):
                sockets[number].close()
        loop = asyncio.get_running_loop()
        for each in taken:
            try:
                await loop.connect_accepted_socket(self._protocol, each)
            except OSError:  # its client has left
                each.close()

    def _protocol(self) -> asyncio.Protocol:
        """Make the protocol of one connection, as uvicorn does."""
        kind = self.config.http_protocol_class
        return kind(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    def _end_answers(self) -> None:
        # More than once: a client may ask on, on a connection that lingers behind its answer.
        self._farewell = asyncio.get_running_loop().call_later(WORDS_AGAIN, self._end_answers)
        end_answers = getattr(self.config.loaded_app, "end_answers", None)
        count = end_answers() if end_answers is not None else 0
        if count:
            log.warning("answers ended by the stop", count=count)


def _taken(listening: socket.socket) -> list[socket.socket]:
    """Accept everyone who waits at a listening socket."""
    taken: list[socket.socket] = []
    while len(taken) < TAKEN_AT_ONCE:
        try:
            connection, _ = listening.accept()
        except OSError:  # nobody waits
            break
        connection.setblocking(False)
        taken.append(connection)
    return taken
