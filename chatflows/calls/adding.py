"""Adding: what a batch of records adds to the counters, in one statement for each table.

Counters are only ever added to, and a call counts in the period of its own moment. So neither
several processes nor a clock that runs back can lose a count. Rows are locked in the order of their
columns: two batches can't wait for each other in a circle.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chatflows.access import codes
from chatflows.access.decisions import Reason
from chatflows.calls import origins, reservations
from chatflows.calls.recorder import CallRecord
from chatflows.calls.usage import day_of, month_of
from chatflows.models import Call, Chatflow, PeriodCount, UsageHour, bulk

NOWHERE = UUID(int=0)  # counts calls to ids that the team has no chatflow of
MAX_COST = 1 << 62  # of a row: more than any budget, and less than its column can hold
PAGES = frozenset({Call.PLAYGROUND, Call.HOSTED})
ENDED_WELL = frozenset({codes.OK, codes.ABORTED, codes.CLIENT_GONE})
TOKENS_FULL = frozenset({Reason.KEY_TOKENS, Reason.CHATFLOW_TOKENS})
BUDGET_FULL = frozenset({Reason.KEY_BUDGET, Reason.CHATFLOW_BUDGET})
OF_CHATFLOW = frozenset({Reason.CHATFLOW_TOKENS, Reason.CHATFLOW_BUDGET})

# Columns: those that name a row, those that are added to, and those of the latest call.
HOUR = ("team_id", "public_id", "chatflow_id", "hour")
HOUR_SUMS = ("let_in", "failed", "refused", "tried", "tokens")
HOUR_LAST = ("last_at", "last_address", "last_origin", "last_client")
PERIOD = ("subject", "period")
PERIOD_SUMS = ("calls", "tokens", "refused_tokens", "refused_cost")
RESERVED = ("reserved_tokens", "reserved_cost")

_HourKey = tuple[UUID, str, UUID, datetime]  # the columns of HOUR
_PeriodKey = tuple[UUID, str]  # the columns of PERIOD


@dataclass(slots=True)
class _Hour:
    """What one row of UsageHour gets. Calls on pages are counted once more by themselves."""

    key_id: UUID | None
    let_in: int = 0
    failed: int = 0
    refused: int = 0
    tried: int = 0
    tokens: int = 0
    cost: int = 0
    page_calls: int = 0
    page_tokens: int = 0
    page_cost: int = 0
    last: CallRecord | None = None  # that was let in

    def take(self, record: CallRecord) -> None:
        """Count one call."""
        if not record.allowed:
            self.refused += 1
            return
        self.let_in += 1
        if record.code != codes.OK or record.status >= 400:
            self.failed += is_failed(record)
        if record.tokens:
            self.tokens += record.tokens
            self.cost += record.cost
        if record.reason in PAGES:
            self.tried += record.reason == Call.PLAYGROUND
            self.page_calls += 1
            self.page_tokens += record.tokens
            self.page_cost += record.cost
        if self.last is None or record.at >= self.last.at:
            self.last = record

    def row(self, key: _HourKey) -> bulk.Row:
        """Return the values in the order of the columns."""
        last = self.last
        latest = (last.at, last.client_address, last.origin, last.client) if last else _NEVER
        sums = (self.let_in, self.failed, self.refused, self.tried, self.tokens)
        return (*key, self.key_id, *sums, min(self.cost, MAX_COST), *latest)


_NEVER = (None, "", "", "")


@dataclass(slots=True)
class _Period:
    """What one row of PeriodCount gets."""

    team_id: UUID
    calls: int = 0
    tokens: int = 0
    cost: int = 0
    refused_tokens: int = 0
    refused_cost: int = 0

    def row(self, key: _PeriodKey) -> bulk.Row:
        """Return the values in the order of the columns."""
        sums = (self.calls, self.tokens, self.refused_tokens, self.refused_cost)
        return (*key, self.team_id, *sums, min(self.cost, MAX_COST), 0, 0)


def add(batch: Sequence[CallRecord]) -> None:
    """Add a batch to the counters and settle its reservations, in the caller's transaction."""
    settled = reservations.take([r.reservation for r in batch if r.reservation is not None])
    hours = _hours_of(batch)
    _add_hours(hours)
    origins.add([record for record in batch if record.origin])
    periods = _periods_of(hours)
    _note_full(periods, batch)
    for (subject, period), reserved in settled.items():  # locked in their turn
        periods.setdefault((subject, period), _Period(reserved.team_id))
    _add_periods(periods)
    reservations.give_back(settled)


def is_failed(record: CallRecord) -> bool:
    """Whether a call was let in and got an error. Leaving or aborting an answer is none."""
    if record.code == codes.OK:
        return record.allowed and record.status >= 400
    return record.allowed and record.code not in ENDED_WELL


def _hours_of(batch: Sequence[CallRecord]) -> Mapping[_HourKey, _Hour]:
    teams = _teams_of({record.chatflow_id for record in batch if not record.allowed})
    hours: dict[_HourKey, _Hour] = {}
    # By identity first: most records share their UUIDs, and to hash those takes longer than all
    # else here.
    same: dict[tuple[object, ...], _Hour] = {}
    hour = end = datetime.min.replace(tzinfo=UTC)
    for record in batch:
        if not hour <= record.at < end:
            hour = record.at.replace(minute=0, second=0, microsecond=0)
            end = hour + timedelta(hours=1)
        ids = (id(record.team_id), id(record.chatflow_id))
        key = (record.public_id, record.allowed, hour, *ids)
        found = same.get(key)
        if found is None:
            found = same[key] = _hour_of(record, hour, teams, hours)
        found.take(record)
    return hours


def _hour_of(
    record: CallRecord,
    hour: datetime,
    teams: Mapping[UUID, UUID],
    hours: dict[_HourKey, _Hour],
) -> _Hour:
    """Return where a call counts; nowhere if it is no team's."""
    team_id, chatflow_id = record.team_id, record.chatflow_id
    if not record.allowed:
        owner = teams.get(chatflow_id)
        team_id = team_id or owner  # a refusal by form alone read nothing
        if owner != team_id:  # ids are free to invent: they must not make rows without end
            chatflow_id = NOWHERE
    if team_id is None:
        return _Hour(None)
    key = (team_id, record.public_id, chatflow_id, hour)
    return hours.setdefault(key, _Hour(record.key_id))


def _teams_of(chatflow_ids: Iterable[UUID]) -> Mapping[UUID, UUID]:
    ids = list(chatflow_ids)
    if not ids:
        return {}
    return dict(Chatflow.objects.filter(pk__in=ids).values_list("pk", "team_id"))


def _add_hours(hours: Mapping[_HourKey, _Hour]) -> None:
    table = bulk.table(UsageHour)
    is_later = f"{table}.last_at IS NULL OR excluded.last_at >= {table}.last_at"
    latest = [
        f"{name} = CASE WHEN {is_later} THEN excluded.{name} ELSE {table}.{name} END"
        for name in HOUR_LAST
    ]
    bulk.upsert(
        UsageHour,
        (*HOUR, "key_id", *HOUR_SUMS, "cost", *HOUR_LAST),
        HOUR,
        [*bulk.sums(UsageHour, HOUR_SUMS), _cost(table), *latest],
        [hours[key].row(key) for key in sorted(hours)],
    )


def _periods_of(hours: Mapping[_HourKey, _Hour]) -> dict[_PeriodKey, _Period]:
    """Return what limits count: calls to the gate that were let in. Pages have no limits."""
    periods: dict[_PeriodKey, _Period] = {}
    for (team_id, _, chatflow_id, hour), sums in hours.items():
        calls = sums.let_in - sums.page_calls
        if not calls:
            continue
        for subject in (sums.key_id, chatflow_id):
            if subject is None:
                continue
            for name in (day_of(hour), month_of(hour)):
                period = periods.setdefault((subject, name), _Period(team_id))
                period.calls += calls
                period.tokens += sums.tokens - sums.page_tokens
                period.cost += sums.cost - sums.page_cost
    return periods


def _note_full(periods: dict[_PeriodKey, _Period], batch: Sequence[CallRecord]) -> None:
    """Count the calls for which a month's tokens or budget left no room."""
    for record in batch:
        if record.allowed or record.code != codes.RATE_LIMITED.name or record.team_id is None:
            continue
        is_tokens, is_budget = record.reason in TOKENS_FULL, record.reason in BUDGET_FULL
        if is_tokens or is_budget:
            subject = record.chatflow_id if record.reason in OF_CHATFLOW else record.key_id
            assert subject is not None
            key = (subject, month_of(record.at))
            period = periods.setdefault(key, _Period(record.team_id))
            period.refused_tokens += is_tokens
            period.refused_cost += is_budget


def _add_periods(periods: Mapping[_PeriodKey, _Period]) -> None:
    bulk.upsert(
        PeriodCount,
        (*PERIOD, "team_id", *PERIOD_SUMS, "cost", *RESERVED),
        PERIOD,
        [*bulk.sums(PeriodCount, PERIOD_SUMS), _cost(bulk.table(PeriodCount))],
        [periods[key].row(key) for key in sorted(periods)],
    )


def _cost(table: str) -> str:
    is_much = f"{table}.cost > {MAX_COST} - excluded.cost"
    return f"cost = CASE WHEN {is_much} THEN {MAX_COST} ELSE {table}.cost + excluded.cost END"
