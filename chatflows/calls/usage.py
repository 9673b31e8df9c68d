"""Usage: what the recorder added up, read for pages. No page sums calls."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from uuid import UUID

from django.db.models import F, Max, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from accounts.models import Team
from apikeys.models import ApiKey
from apikeys.resources import Day, SecretUse, SeenOrigin
from chatflows.models import Call, Chatflow, OriginDay, PeriodCount, UsageHour

MOST_COUNTED = 10_000  # calls of a minute that a page counts one by one


def day_of(at: datetime) -> str:
    """Return the name of a moment's day, UTC, as in `PeriodCount.period`."""
    return f"{at:%Y-%m-%d}"


def month_of(at: datetime) -> str:
    """Return the name of a moment's month, UTC, as in `PeriodCount.period`."""
    return f"{at:%Y-%m}"


def seconds_to_month(at: datetime) -> int:
    """Return the seconds until the next month begins, UTC; at least 1."""
    first = at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (first + timedelta(days=32)).replace(day=1)
    return max(1, ceil((following - at).total_seconds()))


def days_of_keys(team: Team, key_ids: Iterable[UUID], days: int) -> Mapping[UUID, Sequence[Day]]:
    """Return the calls of each key in the last days, every day once, the oldest first."""
    first = _first_day(days)
    rows = (
        UsageHour.objects.of(team)
        .filter(key_id__in=list(key_ids), hour__gte=_beginning(first))
        .values("key_id", day=TruncDate("hour"))
        .annotate(let_in=Sum("let_in"), refused=Sum("refused"))
    )
    found: defaultdict[UUID, dict[date, Day]] = defaultdict(dict)
    for row in rows:
        assert row["key_id"] is not None
        found[row["key_id"]][row["day"]] = Day(row["day"], row["let_in"], row["refused"])
    every = [first + timedelta(days=n) for n in range(days)]
    return {
        key_id: [of_key.get(day, Day(day, 0, 0)) for day in every]
        for key_id, of_key in found.items()
    }


def let_in_today(key: ApiKey) -> Mapping[UUID, int]:
    """Return how many calls each chatflow let in with the key since midnight, UTC."""
    rows = UsageHour.objects.of(key.team).filter(
        key_id=key.id, hour__gte=_beginning(timezone.now().date())
    )
    return dict(rows.values_list("chatflow_id").annotate(Sum("let_in")))


def uses_of_secrets(key: ApiKey, days: int) -> Mapping[str, SecretUse]:
    """Return how the key's secrets were used in the last days, by their public ids."""
    mine = UsageHour.objects.of(key.team).filter(
        key_id=key.id, hour__gte=_beginning(_first_day(days))
    )
    sums = mine.values("public_id").annotate(
        let_in=Sum("let_in"), refused=Sum("refused"), last_at=Max("last_at")
    )
    uses = {}
    for row in sums:
        last = mine.filter(public_id=row["public_id"], last_at=row["last_at"]).first()
        uses[row["public_id"]] = SecretUse(
            let_in=row["let_in"],
            refused=row["refused"],
            last_at=row["last_at"],
            last_address=last.last_address if last else "",
            last_client=last.last_client if last else "",
        )
    return uses


def hours_of_secrets(key: ApiKey, hours: int) -> Mapping[str, Sequence[int]]:
    """Return the calls let in with each secret in each of the last hours, the oldest first."""
    this_hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    first = this_hour - timedelta(hours=hours - 1)
    mine = UsageHour.objects.of(key.team).filter(key_id=key.id, hour__gte=first)
    sums = mine.values_list("public_id", "hour").annotate(Sum("let_in"))
    found: defaultdict[str, list[int]] = defaultdict(lambda: [0] * hours)
    for public_id, hour, let_in in sums:
        place = (hour - first) // timedelta(hours=1)
        if place < hours:  # else a clock ran back
            found[public_id][place] += let_in
    return dict(found)


def last_uses(key: ApiKey) -> Mapping[str, datetime]:
    """Return when a call was last let in with each of a key's secrets; one without is missing."""
    # By the key, which has an index: by its public id alone, every hour of the team would be read.
    used = UsageHour.objects.of(key.team).filter(key_id=key.id, last_at__isnull=False)
    return dict(used.values_list("public_id").annotate(Max("last_at")))


def seen_origins(key: ApiKey, days: int) -> Sequence[SeenOrigin]:
    """Return the origins that calls with the key came from, the most frequent first."""
    return origins_of_keys(key.team, [key.id], days).get(key.id, [])


def origins_of_keys(
    team: Team, key_ids: Iterable[UUID], days: int
) -> Mapping[UUID, Sequence[SeenOrigin]]:
    """Return the origins that calls with each key came from, the most frequent first."""
    rows = (
        OriginDay.objects.of(team)
        .filter(key_id__in=list(key_ids), day__gte=_first_day(days))
        .values("key_id", "origin")
        .annotate(let_in=Sum("let_in"), refused=Sum("refused"), last_at=Max("last_at"))
        .order_by("-let_in", "-refused", "origin")
    )
    found: defaultdict[UUID, list[SeenOrigin]] = defaultdict(list)
    for row in rows:
        seen = SeenOrigin(row["origin"], row["let_in"], row["refused"], row["last_at"])
        found[row["key_id"]].append(seen)
    return found


def calls_of_key(key: ApiKey, days: int) -> int:
    """Return how many calls a key made in the last days."""
    return _from_outside(UsageHour.objects.of(key.team).filter(key_id=key.id), days)


def calls_of_chatflow(chatflow: Chatflow, days: int) -> int:
    """Return how many calls came to a chatflow in the last days, the playground's aside."""
    mine = UsageHour.objects.of(chatflow.team).filter(chatflow_id=chatflow.id)
    return _from_outside(mine, days)


def calls_of_team(team: Team, days: int) -> int:
    """Return how many calls came to a team in the last days, the playground's aside."""
    return _from_outside(UsageHour.objects.of(team), days)


def counts_of(subject: UUID, team: Team) -> tuple[PeriodCount, PeriodCount]:
    """Return what a key or a chatflow took today and this month, also where no row stands yet."""
    now = timezone.now()
    names = day_of(now), month_of(now)
    found = {
        each.period: each
        for each in PeriodCount.objects.of(team).filter(subject=subject, period__in=names)
    }
    day, month = (
        found.get(name) or PeriodCount(team=team, subject=subject, period=name) for name in names
    )
    return day, month


def minute_of_key(key: ApiKey) -> int:
    """Return the calls of the last 60 seconds that a key's limit counts, as far as recorded."""
    if key.limit_minute is None:
        return 0
    mine = Call.objects.of(key.team).filter(key_id=key.id, at__gte=_a_minute_ago(), allowed=True)
    return len(mine.values_list("id")[: min(key.limit_minute, MOST_COUNTED)])


def minute_of_chatflow(chatflow: Chatflow) -> int:
    """Return the calls of the last 60 seconds that a chatflow's limit counts, as recorded."""
    if chatflow.limit_minute is None:
        return 0
    # By id: the index that these rows have. Calls of other times end the look.
    most = min(chatflow.limit_minute, MOST_COUNTED)
    newest = Call.objects.latest_of(chatflow, most).values_list("at", "allowed")
    since = _a_minute_ago()
    return sum(allowed and at >= since for at, allowed in newest)


def _a_minute_ago() -> datetime:
    return timezone.now() - timedelta(seconds=60)


def _first_day(days: int) -> date:
    return timezone.now().date() - timedelta(days=days - 1)


def _beginning(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=timezone.now().tzinfo)


def _from_outside(rows: QuerySet[UsageHour], days: int) -> int:
    # The hour in which those days began is counted whole.
    since = timezone.now() - timedelta(days=days, hours=1)
    calls = F("let_in") + F("refused") - F("tried")
    count: int = rows.filter(hour__gt=since).aggregate(n=Sum(calls, default=0))["n"]
    return count
