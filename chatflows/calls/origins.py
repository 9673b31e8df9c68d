"""Origins: which web pages the calls with a key came from, by day."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count

from chatflows.calls.recorder import CallRecord
from chatflows.calls.usage import day_of
from chatflows.models import OriginDay, bulk

MAX_ORIGINS = 50  # of one key in one day: a caller can send as many as it likes
ONCE = ("team_id", "key_id", "day", "origin")

_Key = tuple[UUID, UUID, str, str]  # the columns of ONCE


@dataclass(slots=True)
class _Day:
    last_at: datetime
    let_in: int = 0
    refused: int = 0


def add(batch: Sequence[CallRecord]) -> None:
    """Count the calls with a key that carried an origin, in the caller's transaction."""
    days: dict[_Key, _Day] = {}
    for record in batch:
        if record.team_id is None or record.key_id is None or not record.origin:
            continue
        key = (record.team_id, record.key_id, day_of(record.at), record.origin)
        day = days.setdefault(key, _Day(record.at))
        day.let_in += record.allowed
        day.refused += not record.allowed
        day.last_at = max(day.last_at, record.at)
    if not days:
        return
    table = bulk.table(OriginDay)
    is_later = f"excluded.last_at > {table}.last_at"
    last = f"last_at = CASE WHEN {is_later} THEN excluded.last_at ELSE {table}.last_at END"
    bulk.upsert(
        OriginDay,
        (*ONCE, "let_in", "refused", "last_at"),
        ONCE,
        [*bulk.sums(OriginDay, ("let_in", "refused")), last],
        [
            (*key, days[key].let_in, days[key].refused, days[key].last_at)
            for key in _with_room(sorted(days))
        ],
    )


def _with_room(wanted: Sequence[_Key]) -> Iterator[_Key]:
    """Yield the origins that are counted already, and new ones as long as there is room."""
    stored = OriginDay.objects.filter(
        key_id__in={key[1] for key in wanted}, day__in={key[2] for key in wanted}
    )
    same = stored.filter(origin__in={key[3] for key in wanted})
    counted = same.values_list("key_id", "day", "origin")
    known = {(key_id, str(day), origin) for key_id, day, origin in counted}
    counts = stored.values_list("key_id", "day").annotate(n=Count("pk"))
    room = {(key_id, str(day)): MAX_ORIGINS - n for key_id, day, n in counts}
    for key in wanted:
        if key[1:] not in known:
            left = room.get(key[1:3], MAX_ORIGINS)
            if left <= 0:
                continue
            room[key[1:3]] = left - 1
        yield key
