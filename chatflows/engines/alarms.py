"""Alarms: a deadline for each of many short waits, at the price of one timer. Pure."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")

NEVER = float("inf")


class Alarm:
    """Bounds one wait after the other, as `asyncio.timeout_at` does.

    That one sets a timer for each wait and takes it back. What comes in many pieces is hardly ever
    late: here the timer stays where it is and looks, when it rings, what is due.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = NEVER
        self._until = NEVER
        self._task: asyncio.Task[object] | None = None  # who waits
        self._is_late = False

    async def wait(self, awaited: Awaitable[T], until: float) -> T:
        """Await something until a moment of the loop's clock. Raises TimeoutError."""
        task = asyncio.current_task(self._loop)
        assert task is not None
        before = task.cancelling()
        self._task, self._until, self._is_late = task, until, False
        if until < self._rings_at:
            self._set(until)
        try:
            return await awaited
        except asyncio.CancelledError:
            # Somebody else may have cancelled at the same time: that goes first.
            if self._is_late and task.uncancel() <= before:
                raise TimeoutError from None
            raise
        finally:
            self._task = None

    def close(self) -> None:
        """Take the timer back."""
        if self._timer is not None:
            self._timer.cancel()

    def _set(self, at: float) -> None:
        self.close()
        self._rings_at = at
        self._timer = self._loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._timer, self._rings_at = None, NEVER
        if self._task is None:
            return  # the next wait sets it
        if self._loop.time() < self._until:
            self._set(self._until)
        else:
            self._is_late = True
            self._task.cancel()
