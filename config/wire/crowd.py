"""The crowd: every connection of a process, and which of them gives way when it gets full.

A connection that waits for its client costs the client nothing, so anybody could hold all that a
process can keep. Near the bound, the one that waits longest makes room for the next. One client may
hold half of them at most.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from logging import Logger
from typing import Protocol

from accounts.network import addresses

SPARE = 64  # connections below the bound: room for those that come before others have gone
WARN_EVERY = 60.0  # seconds


class Connection(Protocol):
    """What the crowd asks of a connection."""

    rested_at: float  # when it got its last answer; by the crowd's clock

    def give_way(self) -> None:
        """Close at once, and leave the crowd."""


class _Line:
    """Some connections: how many, and in order those that wait for their client."""

    def __init__(self) -> None:
        self.count = 0
        # Since when: no request is here, or a body is on its way.
        self.resting: OrderedDict[Connection, float] = OrderedDict()
        self.reading: OrderedDict[Connection, float] = OrderedDict()

    def take_out(self, connection: Connection) -> None:
        self.resting.pop(connection, None)
        self.reading.pop(connection, None)

    def make_room(self, newcomer: Connection) -> bool:
        """Let one give way, and return whether there was one."""
        for order in (self.resting, self.reading):
            for _ in range(len(order)):
                oldest = next(iter(order))
                if oldest.rested_at <= order[oldest] and oldest is not newcomer:
                    oldest.give_way()
                    return True
                order[oldest] = oldest.rested_at  # short answers only note their time
                order.move_to_end(oldest)
        return False


class Crowd:
    """The connections of one process. No change walks through all, but where all were active."""

    def __init__(self, logger: Logger, limit: int | None, is_proxy: Callable[[str], bool]) -> None:
        """Make an empty crowd.

        `limit` is how many there may be, None for no bound. An address of which `is_proxy` is true
        brings many clients, and has no bound of its own.
        """
        self._logger = logger
        self._limit = limit
        self._is_proxy = is_proxy
        self._all = _Line()
        self._by_peer: dict[str, _Line] = {}
        self._warned = -WARN_EVERY

    def enter(self, connection: Connection, peer: str, address: str) -> bool:
        """Take in a connection of a peer (`peer_of` its address): is there room for it?

        Where there is none, another one gives way.
        """
        mine = self._by_peer.setdefault(peer, _Line())
        for line in (self._all, mine):
            line.count += 1
            line.resting[connection] = connection.rested_at
        limit = self._limit
        if limit is None:
            return True
        if mine.count > limit // 2 and not self._is_proxy(address):
            self._warn()
            return mine.make_room(connection)
        if self._all.count > max(limit - SPARE, limit // 2):
            self._warn()
            self._all.make_room(connection)  # if all are busy, uvicorn answers 503 at the bound
        return True

    def leave(self, connection: Connection, peer: str) -> None:
        """Forget a connection that entered."""
        mine = self._by_peer[peer]
        for line in (self._all, mine):
            line.count -= 1
            line.take_out(connection)
        if not mine.count:
            del self._by_peer[peer]

    def rests(self, connection: Connection, peer: str) -> None:
        """Note that a connection got its answer: of those that rest it is the last to give way.

        One that rested before may only note the time: it is moved when its turn comes.
        """
        for line in (self._all, self._by_peer[peer]):
            line.take_out(connection)
            line.resting[connection] = connection.rested_at

    def reads(self, connection: Connection, peer: str) -> None:
        """Note that a request is here, and its body on its way."""
        for line in (self._all, self._by_peer[peer]):
            line.take_out(connection)
            line.reading[connection] = connection.rested_at

    def works(self, connection: Connection, peer: str) -> None:
        """Note that a whole request is here: until its answer is, it does not give way."""
        for line in (self._all, self._by_peer[peer]):
            line.take_out(connection)

    def _warn(self) -> None:
        now = time.monotonic()
        if now - self._warned >= WARN_EVERY:
            self._warned = now
            self._logger.warning("Many connections: those that wait for a request give way")


@lru_cache(maxsize=4096)
def peer_of(address: str) -> str:
    """Return whom an address stands for, as text: itself, or with IPv6 its /64."""
    return str(addresses.host_of(addresses.parse(address)) or "")
