"""Rates: at most so many hits of a subject in the last seconds, counted in the process."""

import threading
import time
from collections import OrderedDict, defaultdict, deque
from collections.abc import Sequence
from itertools import islice
from math import ceil
from typing import NamedTuple

MAX_SUBJECTS = 10_000  # of one rate, in one process
COMMON_COUNTS = 64  # for those who find no place among them
LOOKED_AT = 16  # subjects, for one that can make place
MOMENTS = 60  # of a window: a hit counts for the window and at most for one moment more


class Rate(NamedTuple):
    """At most `limit` hits of one subject in the last `window` seconds.

    Rates of one name share their counts and have one window; the limit may differ by subject.
    """

    name: str
    limit: int
    window: int = 60


class Standing(NamedTuple):
    """Where a subject stands: the hits that are left, and the seconds until there are more."""

    rate: Rate
    remaining: int
    resets_in: int


class Admission(NamedTuple):
    """Whether a call may go on, and where it stands with each of its limits."""

    is_admitted: bool
    standings: tuple[Standing, ...]

    @property
    def wait(self) -> int:
        """Seconds until the call may be tried again; 0 if it may go on."""
        if self.is_admitted:
            return 0
        return max([each.resets_in for each in self.standings if each.remaining == 0], default=1)


Limits = Sequence[tuple[Rate, str]]  # all that one call counts against: a rate and its subject


class _Count:
    """The hits of one subject. Those of one moment stand together and go with their last."""

    __slots__ = ("limit", "moments", "total")

    def __init__(self) -> None:
        self.moments: deque[_Moment] = deque()
        self.total = self.limit = 0

    def drop(self, until: float) -> None:
        while self.moments and self.moments[0].ended_at <= until:
            self.total -= self.moments.popleft().hits

    def add(self, rate: Rate, now: float) -> None:
        last = self.moments[-1] if self.moments else None
        if last is not None and now - last.began_at < rate.window / MOMENTS:
            last.ended_at = now
            last.hits += 1
        else:
            self.moments.append(_Moment(now))
        self.total += 1
        self.limit = rate.limit


class _Moment:
    __slots__ = ("began_at", "ended_at", "hits")

    def __init__(self, now: float) -> None:
        self.began_at = self.ended_at = now
        self.hits = 1


_Found = tuple[Rate, str, _Count | None]


class _Table:
    """The counts of one rate, the longest quiet first; and those that newcomers have in common."""

    __slots__ = ("common", "counts")

    def __init__(self) -> None:
        self.counts: OrderedDict[str, _Count] = OrderedDict()
        self.common: dict[int, _Count] = {}

    def find(self, subject: str, until: float) -> _Count | None:
        """The count of a subject, without the hits until that time; None where there is none."""
        count = self.counts.get(subject)
        if count is None and self._is_full() and self._place(until) is None:
            count = self.common.get(hash(subject) % COMMON_COUNTS)
        if count is not None:
            count.drop(until)
        return count

    def begin(self, subject: str, until: float) -> _Count:
        """The count for a subject that has none of its own."""
        self._forget_quiet(until)
        if self._is_full():
            place = self._place(until)
            if place is None:
                return self.common.setdefault(hash(subject) % COMMON_COUNTS, _Count())
            del self.counts[place]
        return self.counts.setdefault(subject, _Count())

    def touch(self, subject: str) -> None:
        """Note that a subject was not quiet."""
        if subject in self.counts:
            self.counts.move_to_end(subject)

    def _is_full(self) -> bool:
        return len(self.counts) >= MAX_SUBJECTS

    def _place(self, until: float) -> str | None:
        """Whose place a new subject takes in a full table; None if nobody can go."""
        for subject in islice(self.counts, LOOKED_AT):
            count = self.counts[subject]
            count.drop(until)
            if count.total < count.limit:
                return subject
        return None

    def _forget_quiet(self, until: float) -> None:
        for _ in range(2):  # more go than come, until all that fell silent are gone
            subject = next(iter(self.counts), None)
            if subject is None:
                return
            moments = self.counts[subject].moments
            if moments and moments[-1].ended_at > until:
                return
            del self.counts[subject]


class ProcessRates:
    """Counts of this process. No thread and no timer: old hits go when something is counted.

    A rate keeps MAX_SUBJECTS. When they are all in their window, a new one takes the place of the
    one that was quiet for longest and is below its limit: that count has refused nobody yet.
    Those at their limit keep their place, so that nobody can push them out to begin anew. Where
    they fill every place that is looked at, newcomers share a few counts by a hash that callers
    can't foresee: some wait for strangers' hits, nobody is shut out for longer than a window,
    and made-up subjects gain nothing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # pages count in threads, the gate in its event loop
        self._tables: defaultdict[str, _Table] = defaultdict(_Table)

    def test(self, limits: Limits) -> Admission:
        """Say where a call stands with its limits. Counts nothing."""
        now = time.monotonic()
        with self._lock:
            return _tested(self._found(limits, now), now)

    def hit(self, limits: Limits) -> Admission:
        """Count a call against its limits, also where it is over one."""
        now = time.monotonic()
        with self._lock:
            return self._hit(self._found(limits, now), now)

    def admit(self, limits: Limits) -> Admission:
        """Count a call against all its limits, or against none if it is over one of them."""
        now = time.monotonic()
        with self._lock:
            found = self._found(limits, now)
            for rate, _, count in found:
                if rate.limit <= (count.total if count is not None else 0):
                    return _tested(found, now)
            return self._hit(found, now)

    def take_back(self, limits: Limits) -> None:
        """Uncount the latest hit of each subject: the call was refused after all."""
        with self._lock:
            for rate, subject in limits:
                count = self._tables[rate.name].counts.get(subject)
                if count is not None and count.moments:
                    count.moments[-1].hits -= 1
                    count.total -= 1

    def _found(self, limits: Limits, now: float) -> list[_Found]:
        tables = self._tables
        return [
            (rate, subject, tables[rate.name].find(subject, now - rate.window))
            for rate, subject in limits
        ]

    def _hit(self, found: list[_Found], now: float) -> Admission:
        standings = []
        for rate, subject, known in found:
            table = self._tables[rate.name]
            # Looked up once more: a call can name a new subject twice.
            count = known or table.counts.get(subject) or table.begin(subject, now - rate.window)
            table.touch(subject)
            count.add(rate, now)
            standings.append(_standing(rate, count, now))
        return Admission(True, tuple(standings))


def _tested(found: list[_Found], now: float) -> Admission:
    standings = tuple([_standing(rate, count, now) for rate, _, count in found])
    return Admission(all(each.remaining for each in standings), standings)


def _standing(rate: Rate, count: _Count | None, now: float) -> Standing:
    if count is None or not count.moments:
        return Standing(rate, rate.limit, rate.window)
    resets_in = ceil(count.moments[0].ended_at + rate.window - now)
    return Standing(rate, max(0, rate.limit - count.total), max(1, resets_in))
