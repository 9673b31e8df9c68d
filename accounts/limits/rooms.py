"""Rooms: how many may be inside at once, in all and of one host. Pure."""

from collections import Counter
from collections.abc import Hashable


class Room:
    """Counts who is inside."""

    def __init__(self, *, in_all: int, each: int) -> None:
        self._in_all, self._each = in_all, each
        self._inside: Counter[Hashable] = Counter()
        self._count = 0

    def enter(self, host: Hashable) -> "Place | None":
        """Return a place for one more of this host, or None. `leave` must follow."""
        if self._count >= self._in_all or self._inside[host] >= self._each:
            return None
        self._count += 1
        self._inside[host] += 1
        return Place(self, host)

    def _leave(self, host: Hashable) -> None:
        self._count -= 1
        self._inside[host] -= 1
        if not self._inside[host]:
            del self._inside[host]


class Place:
    """One place in a room."""

    def __init__(self, room: Room, host: Hashable) -> None:
        self._room: Room | None = room
        self._host = host

    def leave(self) -> None:
        """Give the place back. More than once changes nothing."""
        if self._room is not None:
            self._room._leave(self._host)
            self._room = None
