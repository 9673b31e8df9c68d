"""Alarms: late waits end, others don't notice, and one timer serves them all."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from chatflows.engines.alarms import NEVER, Alarm

pytestmark = pytest.mark.fast


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await story()

    asyncio.run(whole())


def soon(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


def test_a_late_wait_ends_and_the_next_goes_on() -> None:
    async def story() -> None:
        alarm = Alarm()
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await alarm.wait(asyncio.Event().wait(), soon(0.001))
        assert await alarm.wait(asyncio.sleep(0, "here"), soon(0.001)) == "here"

    run(story)


def test_a_wait_that_is_over_is_never_disturbed() -> None:
    async def story() -> None:
        alarm = Alarm()
        await alarm.wait(asyncio.sleep(0), soon(0.001))
        await asyncio.sleep(0.005)  # the timer rings into nothing
        await alarm.wait(asyncio.sleep(0.005), NEVER)
        with pytest.raises(TimeoutError):
            await alarm.wait(asyncio.Event().wait(), soon(0.001))

    run(story)


def test_many_waits_cost_one_timer() -> None:
    async def story() -> None:
        loop, timers = asyncio.get_running_loop(), 0
        real = loop.call_at

        def counted(*args: object, **more: object) -> asyncio.TimerHandle:
            nonlocal timers
            timers += 1
            return real(*args, **more)  # type: ignore[arg-type]

        loop.call_at = counted  # type: ignore[method-assign]
        alarm = Alarm()
        for _ in range(50):
            await alarm.wait(asyncio.sleep(0), soon(60))
        assert timers == 1
        alarm.close()

    run(story)


def test_an_earlier_deadline_moves_the_timer() -> None:
    async def story() -> None:
        alarm = Alarm()
        await alarm.wait(asyncio.sleep(0), soon(60))
        async with asyncio.timeout(5):
            with pytest.raises(TimeoutError):
                await alarm.wait(asyncio.Event().wait(), soon(0.001))

    run(story)


def test_a_cancelled_task_stays_cancelled() -> None:
    async def story() -> None:
        alarm = Alarm()
        task = asyncio.ensure_future(alarm.wait(asyncio.Event().wait(), soon(60)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(story)


def test_who_cancels_as_the_alarm_rings_goes_first() -> None:
    async def story() -> None:
        alarm = Alarm()
        task = asyncio.ensure_future(alarm.wait(asyncio.Event().wait(), soon(0)))
        asyncio.get_running_loop().call_at(soon(0), task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task

    run(story)
