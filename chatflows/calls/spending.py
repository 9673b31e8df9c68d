"""Spending: running calls reserve what they may take of a month's tokens and money.

The reservation is made in the database, in the recorder's thread, before the engine is asked: so a
budget holds for all processes together, whether or not they share a store. Only calls under a limit
of tokens or money wait for it, and only if their engine takes tokens.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError

from accounts.bounds import HELD_BACK, Measure
from accounts.outages import Unavailable
from chatflows.access.plans import Bound
from chatflows.calls import reservations
from chatflows.calls.reservations import Want
from chatflows.calls.usage import month_of
from chatflows.engines import Question
from chatflows.predictions import costs
from chatflows.predictions.prediction import new_id

Ask = Callable[[Callable[[], Any]], Awaitable[Any]]

SURELY_GONE = timedelta(minutes=5)  # after the longest answer: then nobody settles it any more


class NoRoom(NamedTuple):
    """A limit that leaves no room for a call."""

    bound: Bound
    is_passing: bool  # there is room again once calls that run now are over


class Spending:
    """Reserves of one process."""

    def __init__(self, ask: Ask) -> None:
        """`ask` runs a task in the recorder's thread."""
        self._ask = ask

    async def reserve(
        self, bounds: tuple[Bound, ...], team_id: UUID, question: Question, price: int, at: datetime
    ) -> "UUID | NoRoom":
        """Reserve what a question may take. Return the reservation, or the limit without room.

        `price` is of a million tokens in nanos. Raises Unavailable.
        """
        call = UUID(new_id())
        tokens = costs.characters_of(question) + HELD_BACK
        cost = costs.cost_of(tokens, price)
        wants = [
            Want(subject, tokens, cost, _most(of, Measure.TOKENS), _most(of, Measure.BUDGET))
            for subject, of in _by_subject(bounds).items()
        ]
        until = at + timedelta(seconds=settings.UPSTREAM_TOTAL_TIMEOUT) + SURELY_GONE
        task = partial(reservations.reserve, call, team_id, month_of(at), wants, until)
        try:
            full = await self._ask(task)
        except DatabaseError as error:
            raise Unavailable(type(error).__name__) from error
        if full is None:
            return call
        name = (full.subject, full.measure)
        return NoRoom(next(b for b in bounds if (b.subject, b.measure) == name), full.is_passing)

    async def shrink(self, call: UUID, tokens: int, cost: int) -> None:
        """Let go of what a call that is over did not take, ahead of its record."""
        with suppress(DatabaseError):  # its record settles it all the same
            await self._ask(partial(reservations.shrink, call, tokens, cost))


def _by_subject(bounds: tuple[Bound, ...]) -> dict[UUID, list[Bound]]:
    found: dict[UUID, list[Bound]] = {}
    for bound in bounds:
        found.setdefault(bound.subject, []).append(bound)
    return found


def _most(bounds: list[Bound], measure: Measure) -> int | None:
    return next((bound.most for bound in bounds if bound.measure is measure), None)
