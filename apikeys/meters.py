"""Meters: what a key took of its limits, as pages show it. Pure but for the currency's name."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from accounts.bounds import Limits, Measure
from accounts.money import written
from apikeys.resources import Taken

WARN_AT = 80  # percent: from here on a meter says how full it is
NAMES = {
    Measure.MINUTE: "Requests, last 60 seconds",
    Measure.STREAMS: "Streams at once",
    Measure.DAY: "Calls today",
    Measure.MONTH: "Calls this month",
    Measure.TOKENS: "Tokens this month",
    Measure.BUDGET: "Budget this month",
}
# A mark at 80 % stands where a mail goes out. What passes in a minute warns nobody.
MARKED = frozenset({Measure.DAY, Measure.MONTH, Measure.TOKENS, Measure.BUDGET})


@dataclass(frozen=True, slots=True)
class Meter:
    """One limit, what was taken of it, and the part in percent. `limit` is empty: no limit.

    `resets` is when it is whole again, in words; empty for what passes in a minute.
    """

    name: str
    taken: str
    limit: str
    percent: int
    is_marked: bool
    note: str = ""
    left: str = ""
    resets: str = ""

    @property
    def tone(self) -> str:
        """The colour of the bar: `in`, `old` from 80 % on, `out` when it is used up."""
        return "out" if self.percent >= 100 else "old" if self.percent >= WARN_AT else "in"


def meters(limits: Limits, taken: Taken) -> list[Meter]:
    """Return a meter for each measure, in the order of `Measure`."""
    counts = (
        taken.minute,
        taken.streams,
        taken.day,
        taken.month,
        taken.tokens + taken.reserved_tokens,
        taken.cost + taken.reserved_cost,
    )
    return [
        _meter(measure, limit, count, taken)
        for measure, limit, count in zip(Measure, limits, counts, strict=True)
    ]


def money(nanos: int) -> str:
    """Return an amount of money as pages show it, in the installation's currency."""
    return written(nanos, settings.CURRENCY)


def _meter(measure: Measure, limit: int | None, count: int, taken: Taken) -> Meter:
    say = money if measure is Measure.BUDGET else "{:,}".format
    percent = min(100, count * 100 // limit) if limit else 0
    return Meter(
        name=NAMES[measure],
        taken=say(count),
        limit=say(limit) if limit else "",
        percent=percent,
        is_marked=measure in MARKED,
        note=_note(measure, limit, taken),
        left=say(max(0, limit - count)) if limit else "",
        resets=_resets(measure, timezone.now()),
    )


def _resets(measure: Measure, now: datetime) -> str:
    if measure not in MARKED:
        return ""
    if measure is Measure.DAY:
        return "00:00 UTC"
    first = now.replace(day=1) + timedelta(days=32)
    return f"1 {first:%B}"


def _note(measure: Measure, limit: int | None, taken: Taken) -> str:
    if not limit:
        return ""
    if measure is Measure.BUDGET and taken.reserved_cost:
        return f"Of this, {money(taken.reserved_cost)} is held back for calls under way."
    if measure is Measure.TOKENS and taken.reserved_tokens:
        return f"Of these, {taken.reserved_tokens:,} are held back for calls under way."
    return ""
