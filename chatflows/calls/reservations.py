"""Reservations: what running calls may still take of a month's tokens or budget.

A call reserves an upper estimate before its answer begins. Its record replaces the estimate by what
the call took (chatflows/calls/adding.py). Reservations are locked before counts, and both in one
order, so that no two transactions wait for each other in a circle.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.bounds import Measure
from chatflows.models import PeriodCount, Reservation, bulk

BATCH = 500  # calls whose reservations run out in one transaction
COLUMNS = ("subject", "period", "reserved_tokens", "reserved_cost")


class Want(NamedTuple):
    """What a call wants of one subject in the month. A limit of None bounds nothing."""

    subject: UUID  # the id of a key or a chatflow
    tokens: int
    cost: int  # nanos
    limit_tokens: int | None
    limit_cost: int | None


class Full(NamedTuple):
    """The limit that left no room."""

    subject: UUID
    measure: Measure  # TOKENS or BUDGET
    is_passing: bool = False  # only what running calls reserved stands in the way


class _NoRoom(Exception):
    def __init__(self, full: Full) -> None:
        super().__init__()
        self.full = full


@dataclass(slots=True)
class Reserved:
    """What ended reservations had of one subject in one month."""

    team_id: UUID
    tokens: int = 0
    cost: int = 0


Settled = Mapping[tuple[UUID, str], Reserved]  # by subject and month


def reserve(
    call: UUID, team_id: UUID, month: str, wants: Iterable[Want], until: datetime
) -> Full | None:
    """Reserve all that a call wants, or nothing. Return None, or the limit that left no room.

    What is spent, what is reserved and what is wanted never exceed a limit together, whatever runs
    at once. `until` is when the call's process is surely gone. Raises DatabaseError.
    """
    try:
        with transaction.atomic():
            made = [
                Reservation(
                    team_id=team_id,
                    call=call,
                    subject=want.subject,
                    period=month,
                    until=until,
                    **_reserve(month, team_id, want),
                )
                for want in sorted(wants, key=lambda want: want.subject)
            ]
            Reservation.objects.bulk_create(made)
    except _NoRoom as refused:
        return refused.full
    return None


@transaction.atomic
def shrink(call: UUID, tokens: int, cost: int) -> None:
    """Reserve no more than a call took, now that it is over. Its record settles the rest."""
    less: dict[tuple[UUID, str], Reserved] = {}
    for row in Reservation.objects.filter(call=call).order_by("pk").select_for_update(no_key=True):
        kept = min(row.tokens, tokens), min(row.cost, cost)
        over = Reserved(row.team_id, row.tokens - kept[0], row.cost - kept[1])
        less[row.subject, row.period] = over
        Reservation.objects.filter(pk=row.pk).update(tokens=kept[0], cost=kept[1])
    give_back(less)


@transaction.atomic
def release(call: UUID) -> None:
    """Give back what a call reserved and did not use."""
    give_back(take([call]))


def run_out(stopping: Event) -> None:
    """Count reservations as spent whose process is gone: nobody knows what their calls took."""
    while not stopping.is_set() and _run_out_some(timezone.now()):
        pass


@transaction.atomic
def _run_out_some(now: datetime) -> int:
    late = Reservation.objects.filter(until__lt=now).order_by("until")
    calls = set(late.values_list("call", flat=True)[:BATCH])
    if not calls:
        return 0
    settled = take(calls)
    give_back(settled)
    for (subject, period), reserved in sorted(settled.items(), key=lambda each: each[0]):
        PeriodCount.objects.filter(subject=subject, period=period).update(
            tokens=F("tokens") + reserved.tokens, cost=F("cost") + reserved.cost
        )
    return len(calls)


def take(calls: Collection[UUID]) -> Settled:
    """Delete the reservations of calls, in the caller's transaction. Return what they had.

    Each reservation is returned to one caller alone. The counts still hold it.
    """
    if not calls:
        return {}
    mine = Reservation.objects.filter(call__in=calls).order_by("pk").select_for_update(no_key=True)
    rows = list(mine)
    Reservation.objects.filter(pk__in=[row.pk for row in rows]).delete()
    settled: dict[tuple[UUID, str], Reserved] = {}
    for row in rows:
        reserved = settled.setdefault((row.subject, row.period), Reserved(row.team_id))
        reserved.tokens += row.tokens
        reserved.cost += row.cost
    return settled


def give_back(settled: Settled) -> None:
    """Take from the counts what ended reservations had, in the caller's transaction."""
    if not settled:
        return
    given = bulk.given((PeriodCount, COLUMNS))
    table = bulk.table(PeriodCount)
    # Never below zero: a count that was deleted meanwhile would hold up every other record.
    less = ", ".join(
        f"{name} = CASE WHEN {table}.{name} > {given[name]} "
        f"THEN {table}.{name} - {given[name]} ELSE 0 END"
        for name in COLUMNS[2:]
    )
    given.execute(
        f"UPDATE {table} SET {less} FROM {bulk.GIVEN} "  # noqa: S608 (our own names)
        f"WHERE {table}.subject = {given['subject']} AND {table}.period = {given['period']}",
        [(*key, settled[key].tokens, settled[key].cost) for key in sorted(settled)],
    )


def _reserve(month: str, team_id: UUID, want: Want) -> dict[str, int]:
    """Reserve of one subject, and return how much. Raises _NoRoom."""
    tokens = 0 if want.limit_tokens is None else want.tokens
    cost = 0 if want.limit_cost is None else want.cost
    mine = PeriodCount.objects.filter(subject=want.subject, period=month)
    fits = mine
    if want.limit_tokens is not None:
        fits = fits.filter(reserved_tokens__lte=want.limit_tokens - tokens - F("tokens"))
    if want.limit_cost is not None:
        fits = fits.filter(reserved_cost__lte=want.limit_cost - cost - F("cost"))
    more = {
        "reserved_tokens": F("reserved_tokens") + tokens,
        "reserved_cost": F("reserved_cost") + cost,
    }
    if not fits.update(**more):
        first = PeriodCount(team_id=team_id, subject=want.subject, period=month)
        PeriodCount.objects.bulk_create([first], ignore_conflicts=True)
        if not fits.update(**more):
            raise _NoRoom(_full(mine.get(), want))
    return {"tokens": tokens, "cost": cost}


def _full(count: PeriodCount, want: Want) -> Full:
    most, taken = want.limit_tokens, count.tokens + want.tokens
    if most is not None and taken + count.reserved_tokens > most:
        return Full(want.subject, Measure.TOKENS, taken <= most)
    is_passing = want.limit_cost is not None and count.cost + want.cost <= want.limit_cost
    return Full(want.subject, Measure.BUDGET, is_passing)
