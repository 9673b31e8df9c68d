"""Windows: the calls of the last 60 seconds of one key or chatflow, counted in the process.

They are for the gate's event loop alone: no lock. A subject has few owners (rows of the database),
so a window is held by whoever counts with it, where `rates` bounds made-up subjects.
"""

from collections import deque
from math import ceil, inf

SECONDS = 60.0
MOMENT = 1.0  # seconds of which the calls stand together; they leave with the last of them


class Window:
    """The calls of one subject in the last SECONDS. Times are of the monotonic clock."""

    __slots__ = ("_moments", "leaves_at", "total")

    def __init__(self) -> None:
        self._moments: deque[list[float]] = deque()  # when it began, its last call, its calls
        self.leaves_at = inf  # when the oldest moment leaves; `total` holds until then
        self.total = 0

    def at(self, now: float) -> int:
        """Return the number of calls that count at `now`."""
        if now >= self.leaves_at:
            self._drop(now)
        return self.total

    def add(self, now: float) -> None:
        """Count a call."""
        moments = self._moments
        if moments and now - moments[-1][0] < MOMENT:
            last = moments[-1]
            last[1] = now
            last[2] += 1
            if len(moments) == 1:
                self.leaves_at = now + SECONDS
        else:
            if not moments:
                self.leaves_at = now + SECONDS
            moments.append([now, now, 1])
        self.total += 1

    def take_back(self) -> None:
        """Uncount the latest call: it was refused after all."""
        if self._moments:
            last = self._moments[-1]
            last[2] -= 1
            self.total -= 1
            if not last[2]:
                self._moments.pop()
                self._drop(0.0)

    def wait(self, now: float) -> int:
        """Return the whole seconds until calls leave, at least 1."""
        if not self.total:
            return ceil(SECONDS)
        return max(1, int(self.leaves_at - now + 0.999))

    def _drop(self, now: float) -> None:
        moments = self._moments
        while moments and moments[0][1] + SECONDS <= now:
            self.total -= int(moments.popleft()[2])
        self.leaves_at = moments[0][1] + SECONDS if moments else inf
