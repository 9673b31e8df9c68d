"""An event loop whose clock jumps to the next timer: silences of minutes take no time in a test."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Never waits for a timer: it says how long it would have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0  # seconds

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """See BaseSelector. Raises AssertionError if nothing would ever happen."""
        ready = super().select(0)
        if not ready and timeout is None:
            raise AssertionError("Everything waits, and no timer runs")
        if not ready and timeout:
            self.skipped += timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """Runs timers in their order and at their time, without waiting. Only for one thread."""

    def __init__(self) -> None:
        self._jumping = _Selector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds since the loop was made, all of them skipped."""
        return self._jumping.skipped


def run(story: Coroutine[Any, Any, T]) -> T:
    """As asyncio.run, on a JumpingLoop."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(story)
