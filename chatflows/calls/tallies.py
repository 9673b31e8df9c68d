"""Tallies: the calls of a day and of a month, as the gate knows them while it decides.

The database holds the counts: the recorder adds to them. A process knows what it let in since, so
that it counts exactly; what other processes let in it learns with each batch, and at the latest
after STALE_AFTER seconds.
"""

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import structlog
from django.db import DatabaseError

from accounts.bounds import Measure
from chatflows.access.plans import PERIODS
from chatflows.calls.recorder import CallRecord
from chatflows.calls.usage import day_of, month_of
from chatflows.models import PeriodCount

log = structlog.get_logger("flowlatch.limits")

STALE_AFTER = 2.0  # seconds
MAX_HELD = 20_000  # tallies; beyond it the unused ones go, and again at twice those that stayed
DAY_LENGTH = len("2026-11-27")

Name = tuple[UUID, str]  # a key or a chatflow, and a period
Read = Callable[[Sequence[UUID], Sequence[str]], Awaitable[Mapping[Name, int]]]


class Tally:
    """The calls of one subject in one kind of period."""

    __slots__ = (
        "_measure",
        "_subject",
        "begins_at",
        "ends_at",
        "name",
        "read_at",
        "seen",
        "unread",
        "unwritten",
    )

    def __init__(self, subject: UUID, measure: Measure) -> None:
        self._subject, self._measure = subject, measure
        self.name: Name = (subject, "")
        self.begins_at = self.ends_at = 0.0  # of the period, in seconds since 1970
        self._begin_again()

    def _begin_again(self) -> None:
        self.read_at = -STALE_AFTER  # on the monotonic clock
        self.seen = 0  # in the database
        self.unwritten = 0  # let in by this process, and not in `seen`
        self.unread = 0  # of these, written since `seen` was read

    def is_stale(self, at: float, now: float) -> bool:
        """Whether the database has to be read before anything is counted.

        `at` is in seconds since 1970, `now` of the monotonic clock.
        """
        return not self.begins_at <= at < self.ends_at or now - self.read_at >= STALE_AFTER

    def turn_to(self, at: float) -> None:
        """Begin the period of a moment, unless it has begun. The clock may have run back."""
        if not self.begins_at <= at < self.ends_at:
            self._turn(at)

    @property
    def taken(self) -> int:
        """The calls of the period so far."""
        return self.seen + self.unwritten

    def take_back(self) -> None:
        """Uncount a call that was refused after all."""
        self.unwritten = max(0, self.unwritten - 1)

    def see(self, calls: int, now: float) -> None:
        """Take in what the database says."""
        self.seen, self.read_at = calls, now

    def _turn(self, at: float) -> None:
        moment = datetime.fromtimestamp(at, UTC)
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        if self._measure is Measure.DAY:
            name, begin, end = day_of(moment), midnight, midnight + timedelta(days=1)
        else:
            name, begin = month_of(moment), midnight.replace(day=1)
            end = (begin + timedelta(days=32)).replace(day=1)
        if name != self.name[1]:
            self._begin_again()
        self.name = (self._subject, name)
        self.begins_at, self.ends_at = begin.timestamp(), end.timestamp()


class Written(NamedTuple):
    """A batch that was written: its calls that count, and what the database says after it."""

    counts: Mapping[Name, int]
    found: Mapping[Name, int] | None  # None: that could not be read


class Tallies:
    """The tallies of one process. All but `read_written` is for the event loop."""

    def __init__(self, read: Read) -> None:
        """`read` asks the database without waiting for a writer (see AccessReader.counts)."""
        self._read = read
        self._tallies: dict[tuple[UUID, Measure], Tally] = {}
        self._forget_at = 0
        self.generation = 0  # grows when tallies were forgotten: holders look for them again

    def of(self, subject: UUID, measure: Measure) -> Tally:
        """Return the tally of a subject."""
        found = self._tallies.get((subject, measure))
        if found is None:
            if len(self._tallies) >= max(MAX_HELD, self._forget_at):
                self._forget()
            found = self._tallies[subject, measure] = Tally(subject, measure)
        return found

    async def refresh(self, tallies: Sequence[Tally]) -> None:
        """Read what the database says of these. Raises Unavailable."""
        names = [tally.name for tally in tallies]
        now = time.monotonic()
        found = await self._read([name[0] for name in names], [name[1] for name in names])
        for tally, name in zip(tallies, names, strict=True):
            if tally.name == name:  # not a new day since
                tally.see(found.get(name, 0), now)

    def read_written(self, batch: Sequence[CallRecord]) -> Written:
        """Count a batch that was written, and read what it changed. For the recorder's thread."""
        counts = self._count(batch)
        if not counts:
            return Written(counts, {})
        try:
            rows = PeriodCount.objects.filter(
                subject__in={subject for subject, _ in counts},
                period__in={period for _, period in counts},
            )
            found = {
                (s, p): calls for s, p, calls in rows.values_list("subject", "period", "calls")
            }
        except DatabaseError as error:  # the batch is written: nobody may write it once more
            log.warning("counts not read", error=type(error).__name__)
            return Written(counts, None)
        return Written(counts, {name: found.get(name, 0) for name in counts})

    def note_written(self, written: Written) -> None:
        """Take in what `read_written` returned."""
        now = time.monotonic()
        for name, count in written.counts.items():
            measure = Measure.DAY if len(name[1]) == DAY_LENGTH else Measure.MONTH
            tally = self._tallies.get((name[0], measure))
            if tally is None or tally.name != name:
                continue
            tally.unread += count
            if written.found is not None:
                tally.unwritten = max(0, tally.unwritten - tally.unread)
                tally.unread = 0
                tally.see(written.found[name], now)

    def _count(self, batch: Sequence[CallRecord]) -> Mapping[Name, int]:
        """Return the calls of a batch that were let in, where they count for a tally."""
        counts: Counter[Name] = Counter()
        if not self._tallies:
            return counts
        alike = Counter(
            (record.key_id, record.chatflow_id, record.at.toordinal())
            for record in batch
            if record.allowed
        )
        for (key_id, chatflow_id, day), count in alike.items():
            periods = date.fromordinal(day).isoformat(), date.fromordinal(day).isoformat()[:7]
            for subject in filter(None, (key_id, chatflow_id)):
                for measure, period in zip(PERIODS, periods, strict=True):
                    if (subject, measure) in self._tallies:
                        counts[subject, period] += count
        return counts

    def _forget(self) -> None:
        """Let go of tallies that nobody counted with lately."""
        until = time.monotonic() - STALE_AFTER
        for key, tally in [*self._tallies.items()]:
            if tally.read_at < until and not tally.unwritten:
                del self._tallies[key]
        # Where all were in use, the next new one must not look at all of them once more.
        self._forget_at = 2 * len(self._tallies)
        self.generation += 1
