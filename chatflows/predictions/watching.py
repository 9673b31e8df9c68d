"""Watching: an answer goes on only while the right to it holds, asked again every second."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection

from chatflows.engines import Event, Failed
from chatflows.predictions.prediction import Prediction

EVERY = 1.0  # seconds between two askings: an answer ends within two of the change
MAX_MISSES = 2  # askings in a row that the database could not answer
CLOSED = Failed(403, "closed", "This chat was closed while the answer came.")

Holds = Callable[[], bool]


async def while_it_holds(
    events: AsyncGenerator[Event, None], holds: Holds, prediction: Prediction
) -> AsyncGenerator[Event, None]:
    """Pass events on; once `holds` says no: CLOSED, noted in the prediction, and no more."""
    queue: asyncio.Queue[Event] = asyncio.Queue(1)
    pump = asyncio.ensure_future(_pump(events, queue))
    now = asyncio.get_running_loop().time
    due, misses = now() + EVERY, 0
    try:
        while not (pump.done() and queue.empty()):
            event = await _next(queue, pump, due - now())
            if now() >= due:
                misses = await _misses(holds, misses)
                due = now() + EVERY
            if misses >= MAX_MISSES:
                prediction.note(CLOSED)
                yield CLOSED
                return
            if event is not None:
                yield event
                queue.task_done()
        await pump  # what broke there breaks here
    finally:
        pump.cancel()
        await asyncio.wait({pump})


async def _pump(events: AsyncGenerator[Event, None], queue: asyncio.Queue[Event]) -> None:
    # A task of its own: a wait of the engine goes on across our own waits.
    async with aclosing(events):
        async for event in events:
            await queue.put(event)
            await queue.join()  # the prediction knows no more than what was passed on


async def _next(
    queue: asyncio.Queue[Event], pump: asyncio.Future[None], seconds: float
) -> Event | None:
    """The next event; None if there is none in time, or no more."""
    if not queue.empty():
        return queue.get_nowait()
    getting = asyncio.ensure_future(queue.get())
    either: set[asyncio.Future[Any]] = {getting, pump}
    try:
        await asyncio.wait(either, timeout=max(seconds, 0), return_when="FIRST_COMPLETED")
        return getting.result() if getting.done() else None
    finally:
        getting.cancel()


async def _misses(holds: Holds, misses: int) -> int:
    """The count of misses after one more asking; a plain no counts as all of them."""
    try:
        return 0 if await sync_to_async(_ask)(holds) else MAX_MISSES
    except DatabaseError:
        return misses + 1


def _ask(holds: Holds) -> bool:
    try:
        return holds()
    finally:
        if not connection.in_atomic_block:
            connection.close()  # a second between two askings: others may have it
