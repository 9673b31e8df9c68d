"""The audit trail as people read it: filtered, in pages, and written to a file."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db.models import Q, QuerySet

from accounts.audit import words
from accounts.models import AuditEvent
from accounts.spreadsheets import disarmed

PAGE_SIZE = 50
BATCH = 500  # rows of a file that are in memory at once
COLUMNS = (
    "entry",
    "at",
    "actor_kind",
    "actor",
    "address",
    "event",
    "what",
    "target_kind",
    "target_id",
    "target",
    "before",
    "after",
    "mac",
    "request_id",
)


@dataclass(frozen=True, slots=True)
class Filters:
    """What to show. An empty value filters nothing; both days are UTC and included."""

    who: str = ""
    event: str = ""
    what: str = ""
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, newest first, and the cursors to their neighbours."""

    events: list[AuditEvent]
    newer: int | None
    older: int | None


def search(team_id: UUID, filters: Filters) -> QuerySet[AuditEvent]:
    """Return the rows of one chain that match the filters, newest first."""
    rows = AuditEvent.objects.filter(team_id=team_id).order_by("-sequence")
    if filters.who:
        rows = rows.filter(Q(actor_name__icontains=filters.who) | Q(address=filters.who))
    if filters.event:
        rows = rows.filter(action=filters.event)
    if filters.what:
        exactly = Q(target_id=filters.what) | Q(request_id=filters.what)
        rows = rows.filter(Q(target_name__icontains=filters.what) | exactly)
    if filters.first_day:
        rows = rows.filter(at__gte=_at(filters.first_day, time.min))
    if filters.last_day:
        rows = rows.filter(at__lte=_at(filters.last_day, time.max))
    return rows


def latest_by(team_id: UUID, target_kind: str, target_id: object) -> str:
    """Return who changed a thing last, or "Someone else" where the trail names nobody."""
    found = latest(team_id, target_kind, target_id)
    return found.actor_name if found else "Someone else"


def latest(team_id: UUID, target_kind: str, target_id: object) -> AuditEvent | None:
    """Return the newest row about a thing."""
    rows = AuditEvent.objects.filter(team_id=team_id, target_kind=target_kind)
    return rows.filter(target_id=str(target_id)).order_by("-sequence").first()


def deleted(target_kind: str, ids: Iterable[object]) -> set[UUID]:
    """Return which of these ids belonged to something that was deleted here, in whatever team."""
    wanted = {str(id_) for id_ in ids}
    rows = AuditEvent.objects.filter(action=f"{target_kind}.delete", target_kind=target_kind)
    found = rows.values_list("target_id", flat=True).iterator()
    return {UUID(id_) for id_ in found if id_ in wanted}


def page(rows: QuerySet[AuditEvent], *, before: int | None, after: int | None) -> Page:
    """Return the rows older than `before`, newer than `after`, or else the newest ones."""
    if after is not None:
        found = list(rows.filter(sequence__gt=after).order_by("sequence")[: PAGE_SIZE + 1])
        events, has_newer, has_older = found[:PAGE_SIZE][::-1], len(found) > PAGE_SIZE, True
    else:
        older = rows.filter(sequence__lt=before) if before is not None else rows
        events = list(older[: PAGE_SIZE + 1])
        has_newer, has_older = before is not None, len(events) > PAGE_SIZE
        events = events[:PAGE_SIZE]
    return Page(
        events,
        newer=events[0].sequence if events and has_newer else None,
        older=events[-1].sequence if events and has_older else None,
    )


async def csv_file(rows: QuerySet[AuditEvent]) -> AsyncIterator[str]:
    """Write the rows as CSV, in pieces and newest first. No cell can run as a formula."""
    yield "\ufeff" + _csv([COLUMNS])  # Excel reads UTF-8 only after a byte order mark
    async for batch in _batches(rows):
        yield _csv([_cells(event) for event in batch])


async def json_lines(rows: QuerySet[AuditEvent]) -> AsyncIterator[str]:
    """Write the rows as JSON Lines, in pieces and newest first."""
    async for batch in _batches(rows):
        yield "".join(json.dumps(_record(event)) + "\n" for event in batch)


FILES: Mapping[str, tuple[str, Callable[[QuerySet[AuditEvent]], AsyncIterator[str]]]] = {
    "csv": ("text/csv; charset=utf-8", csv_file),
    "jsonl": ("application/jsonl; charset=utf-8", json_lines),
}


def what(event: AuditEvent) -> str:
    """Return the event as a sentence without its subject."""
    parts = words.sentence(event.action, event.target_name)
    return " ".join(part for part in parts if part)


async def _batches(rows: QuerySet[AuditEvent]) -> AsyncIterator[list[AuditEvent]]:
    # By cursor and not by one open statement, which a slow reader would hold.
    batch = await _read(rows)
    while batch:
        yield batch
        batch = await _read(rows.filter(sequence__lt=batch[-1].sequence))


@sync_to_async
def _read(rows: QuerySet[AuditEvent]) -> list[AuditEvent]:
    return list(rows[:BATCH])


def _record(event: AuditEvent) -> dict[str, Any]:
    values = (
        event.sequence,
        event.at.isoformat(),
        event.actor_kind,
        event.actor_name,
        event.address,
        event.action,
        what(event),
        event.target_kind,
        event.target_id,
        event.target_name,
        event.before,
        event.after,
        event.mac,
        event.request_id,
    )
    return dict(zip(COLUMNS, values, strict=True))


def _cells(event: AuditEvent) -> list[str]:
    return [disarmed(_cell(value)) for value in _record(event).values()]


def _cell(value: object) -> str:
    if value is None:
        return ""
    is_plain = isinstance(value, str | int)
    return str(value) if is_plain else json.dumps(value, ensure_ascii=False)


def _csv(lines: Sequence[Sequence[str]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(lines)
    return out.getvalue()


def _at(day: date, moment: time) -> datetime:
    return datetime.combine(day, moment, tzinfo=UTC)
