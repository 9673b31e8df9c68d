"""Totals: what this process counted since it started, for metrics. Each batch adds to them.

Calls are counted by status and code alone, both from the catalogue, so that nobody can make labels
without end or read of a key, a team or a chatflow there.
"""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from chatflows.access import codes
from chatflows.calls.recorder import CallRecord

OTHER = "other"
KNOWN = frozenset({*codes.CODES, codes.OK, codes.ABORTED, codes.CLIENT_GONE})
STATUSES = frozenset({200, 499, *(code.status for code in codes.CODES.values())})
# Upper bounds of the latencies, in seconds.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)

Kind = tuple[str, str]  # status and code


def _no_counts() -> list[int]:
    return [0] * (len(BOUNDS) + 1)


@dataclass(slots=True)
class Latencies:
    """How many calls took how long: a count for each of BOUNDS, and one for what is longer."""

    counts: list[int] = field(default_factory=_no_counts)
    seconds: float = 0.0  # of all calls together

    def add(self, milliseconds: Iterable[int]) -> None:
        """Add calls that took so long each."""
        for each, times in Counter(milliseconds).items():
            self.counts[bisect_left(BOUNDS, each / 1000)] += times
            self.seconds += each * times / 1000

    def merge(self, other: "Latencies") -> None:
        """Add what another process counted."""
        self.counts = [a + b for a, b in zip(self.counts, other.counts, strict=True)]
        self.seconds += other.seconds


@dataclass(slots=True)
class Totals:
    """Calls let in and refused, by status and code, and the latencies of those let in."""

    let_in: Counter[Kind] = field(default_factory=Counter)
    refused: Counter[Kind] = field(default_factory=Counter)
    first_byte: Latencies = field(default_factory=Latencies)
    last_byte: Latencies = field(default_factory=Latencies)
    lost: int = 0  # records that were never written

    def add(self, batch: Sequence[CallRecord]) -> None:
        """Add calls that were written."""
        let_in = [record for record in batch if record.allowed]
        self.let_in.update(_kinds(let_in))
        self.refused.update(_kinds(record for record in batch if not record.allowed))
        self.last_byte.add([record.duration_ms for record in let_in])
        self.first_byte.add(
            [r.duration_ms if r.first_byte_ms is None else r.first_byte_ms for r in let_in]
        )

    def merge(self, other: "Totals") -> None:
        """Add what another process counted."""
        self.let_in.update(other.let_in)
        self.refused.update(other.refused)
        self.first_byte.merge(other.first_byte)
        self.last_byte.merge(other.last_byte)
        self.lost += other.lost


def _kinds(records: Iterable[CallRecord]) -> Counter[Kind]:
    kinds: Counter[Kind] = Counter()
    for (status, code), times in Counter((r.status, r.code) for r in records).items():
        name = str(status) if status in STATUSES else OTHER
        kinds[name, code if code in KNOWN else OTHER] += times
    return kinds


_totals = Totals()
_lock = threading.Lock()


def add(batch: Sequence[CallRecord]) -> None:
    """Count calls that were written. For any thread."""
    with _lock:
        _totals.add(batch)


def add_lost(records: int) -> None:
    """Count records that were never written. For any thread."""
    with _lock:
        _totals.lost += records


def copy() -> Totals:
    """Return what was counted so far. For any thread."""
    found = Totals()
    with _lock:
        found.merge(_totals)
    return found
