"""Plans: which limits a call of one key to one chatflow counts against. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from accounts.bounds import Limits, Measure
from chatflows.access.decisions import Reason

PERIODS = (Measure.DAY, Measure.MONTH)
SPENDING = (Measure.TOKENS, Measure.BUDGET)


class Bound(NamedTuple):
    """One limit: whose it is, what it counts, and the reason of a call that it refuses."""

    holder: str  # "key" or "chatflow"
    subject: UUID
    measure: Measure
    most: int
    reason: Reason
    name: str  # in RateLimit headers, and in the shared store with the subject behind it


@dataclass(slots=True)
class Plan:
    """The limits of one pair of key and chatflow."""

    minutes: tuple[Bound, ...]
    streams: tuple[Bound, ...]
    periods: tuple[Bound, ...]
    spending: tuple[Bound, ...]
    address: int | None  # calls a minute of one address, for callers without a secret key
    held: Any = field(default=None, compare=False, repr=False)  # the gate's counters, found once


def plan(
    key_id: UUID | None, of_key: Limits, chatflow_id: UUID, of_chatflow: Limits, address: int | None
) -> Plan | None:
    """Return the plan of a pair, or None where nothing is limited."""
    bounds = [*_bounds("chatflow", chatflow_id, of_chatflow)]
    if key_id is not None:
        bounds = [*_bounds("key", key_id, of_key), *bounds]
    if not bounds and address is None:
        return None
    minutes, streams = _of(bounds, (Measure.MINUTE,)), _of(bounds, (Measure.STREAMS,))
    return Plan(minutes, streams, _of(bounds, PERIODS), _of(bounds, SPENDING), address)


def _bounds(holder: str, subject: UUID, limits: Limits) -> Iterator[Bound]:
    for measure, most in zip(Measure, limits, strict=True):
        if most is not None:
            reason, name = Reason(f"{holder}_{measure.value}"), f"{holder}-{measure.value}"
            yield Bound(holder, subject, measure, most, reason, name)


def _of(bounds: list[Bound], measures: tuple[Measure, ...]) -> tuple[Bound, ...]:
    return tuple([bound for bound in bounds if bound.measure in measures])
