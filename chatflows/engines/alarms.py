"""Alarms: deadlines for many short waits, for the cost of one timer. Pure."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")

NEVER = float("inf")


class Alarm:
    """One timer for many waits, each of which is bounded as by `asyncio.timeout_at`.

    The timer is not reset for each wait, since hardly any wait is late. It is re-armed when it
    rings before the deadline of the wait that is running.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = NEVER
        self._until = NEVER
        self._task: asyncio.Task[object] | None = None  # the one that waits
        self._is_late = False

    async def wait(self, awaited: Awaitable[T], until: float) -> T:
        """Await something until a time of the loop's clock. Raises TimeoutError."""
        task = asyncio.current_task(self._loop)
        assert task is not None
        before = task.cancelling()
        self._task, self._until, self._is_late = task, until, False
        if until < self._rings_at:
            self._set(until)
        try:
            return await awaited
        except asyncio.CancelledError:
            # If somebody else cancelled the task at the same time, their cancellation wins.
            if self._is_late and task.uncancel() <= before:
                raise TimeoutError from None
            raise
        finally:
            self._task = None

    def close(self) -> None:
        """Cancel the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _set(self, at: float) -> None:
        self.close()
        self._rings_at = at
        self._timer = self._loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._timer, self._rings_at = None, NEVER
        if self._task is None:
            return  # the next wait arms it
        if self._loop.time() < self._until:
            self._set(self._until)
        else:
            self._is_late = True
            self._task.cancel()
