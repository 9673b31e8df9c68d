"""The audit chain: append an event in the transaction of the change, and check the chain."""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connection
from django.utils import timezone

from accounts.crypto import digests
from accounts.models import AuditEvent, AuditHead
from accounts.network import request_ids
from accounts.outages import Unavailable
from accounts.permissions import Actor

# Events of the whole installation, outside any team.
INSTALLATION = uuid.UUID(int=0)
FIRST_MAC = "0" * 64
NAME_LENGTH = 254
BATCH = 1000  # rows read at once by a check
WRITTEN = 100  # rows written by one statement

Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Target:
    """What was changed."""

    kind: str
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What `record_all` appends: one event, as the arguments of `record` say it."""

    action: str
    target: Target
    before: Facts | None = None
    after: Facts | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place where a chain does not hold."""

    sequence: int
    why: str
    event: AuditEvent | None = field(default=None, compare=False)  # None where there is no row


class Link(NamedTuple):
    """The place that a walk along a chain has reached; before the first event, its beginning."""

    sequence: int = 0
    mac: str = FIRST_MAC
    version: int = 0  # of the key that sealed it

    @classmethod
    def of(cls, event: AuditEvent) -> "Link":
        """Return the link that an event is."""
        return cls(event.sequence, event.mac, event.key_version)


@dataclass(frozen=True, slots=True)
class Chain:
    """What a check found: how far the chain holds, and where it breaks."""

    sequence: int
    mac: str
    broken: Broken | None


def record(
    team_id: uuid.UUID,
    action: str,
    by: Actor,
    target: Target,
    *,
    before: Facts | None = None,
    after: Facts | None = None,
) -> AuditEvent:
    """Append one event. Call it last in the transaction of the change: it locks the chain's head.

    When a change is recorded in two chains, record it in the installation's chain first, so that
    heads are always locked in one order. `action` is `resource.verb`; `before` and `after` hold
    plain JSON values and never a secret.
    """
    (event,) = record_all(team_id, by, [Entry(action, target, before, after)])
    return event


def record_all(team_id: uuid.UUID, by: Actor, entries: Iterable[Entry]) -> list[AuditEvent]:
    """Append many events at once, as `record` does, with one INSERT for each hundred."""
    if not connection.in_atomic_block:
        raise RuntimeError("audit.record needs the transaction of the change")
    appended = list(entries)
    if not appended:
        return []
    head, _ = AuditHead.objects.select_for_update(no_key=True).get_or_create(
        team_id=team_id, defaults={"sequence": 0, "mac": FIRST_MAC}
    )
    events = []
    for entry in appended:
        event = _event(head, by, entry)
        head.sequence, head.mac, head.key_version = event.sequence, event.mac, event.key_version
        events.append(event)
    _go_on(events)
    return AuditEvent.objects.bulk_create(events, batch_size=WRITTEN)


def verify(team_id: uuid.UUID) -> Broken | None:
    """Return the first edited, deleted or reordered row of a team's chain, or None if all holds."""
    return check(team_id).broken


def check(team_id: uuid.UUID, using: str = DEFAULT_DB_ALIAS) -> Chain:
    """Walk a team's chain from its first row to its head, in a database that Django knows.

    It takes no lock: rows that are appended meanwhile are checked too. A chain goes on under a
    newer audit key and never under an older one: who stole that one could write on with it.
    Raises Unavailable.
    """
    digests.audit_mac(b"")  # without the key ring nothing can be said of any row
    link = Link()
    while True:
        # Head first: it can't be ahead of rows that are read after it.
        head = AuditHead.objects.using(using).filter(team_id=team_id).first()
        rows = AuditEvent.objects.using(using).filter(team_id=team_id).order_by("sequence")
        batch = list(rows.filter(sequence__gt=link.sequence)[:BATCH])
        for event in batch:
            if broken := fault(event, link):
                return Chain(link.sequence, link.mac, broken)
            link = Link.of(event)
        if not batch:
            last = (head.sequence, head.mac) if head else (0, FIRST_MAC)
            is_whole = last == (link.sequence, link.mac)
            broken = None if is_whole else Broken(link.sequence + 1, "the end was cut")
            return Chain(link.sequence, link.mac, broken)


def fault(event: AuditEvent, after: Link) -> Broken | None:
    """Return what is wrong with the event that follows a link of its chain, or None."""
    if event.sequence != after.sequence + 1:
        return Broken(after.sequence + 1, "a row is missing")
    if event.previous_mac != after.mac or not _is_untouched(event):
        return Broken(event.sequence, "a row was edited", event)
    if event.key_version < after.version:
        why = "a row was sealed under a key that was replaced before"
        return Broken(event.sequence, why, event)
    return None


def holds(team_id: uuid.UUID, sequence: int, mac: str) -> bool:
    """Whether the chain still has a link that someone noted elsewhere."""
    return AuditEvent.objects.filter(team_id=team_id, sequence=sequence, mac=mac).exists()


def _event(head: AuditHead, by: Actor, entry: Entry) -> AuditEvent:
    """Return the event that follows a chain's head."""
    event = AuditEvent(
        team_id=head.team_id,
        sequence=head.sequence + 1,
        at=timezone.now(),
        action=entry.action,
        actor_kind=by.kind,
        actor_id=by.id,
        actor_name=_without_nul(by.name[:NAME_LENGTH]),
        address=by.address,
        request_id=request_ids.current.get(),
        target_kind=entry.target.kind,
        target_id=entry.target.id,
        target_name=_without_nul(entry.target.name[:NAME_LENGTH]),
        before=_storable(entry.before),
        after=_storable(entry.after),
        previous_mac=head.mac,
    )
    # The head is locked, and it counts: another machine may use a newer key already.
    event.key_version = max(digests.audit_mac(b"")[0], head.key_version or 0)
    event.mac = _mac(event)
    return event


def _go_on(events: Sequence[AuditEvent]) -> None:
    """Move the head to the last event, by one at a time: the database allows nothing else."""
    head = AuditHead._meta
    team_id = head.pk.get_db_prep_value(events[0].team_id, connection)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {head.db_table} SET sequence = %s, mac = %s, key_version = %s "  # noqa: S608
            "WHERE team_id = %s",
            [(event.sequence, event.mac, event.key_version, team_id) for event in events],
        )


def _storable(facts: Facts | None) -> dict[str, object] | None:
    if facts is None:
        return None
    stored: dict[str, object] = _each_text(dict(facts))
    return stored


def _each_text(value: Any) -> Any:
    if isinstance(value, str):
        return _without_nul(value)
    if isinstance(value, Mapping):
        return {_without_nul(name): _each_text(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_each_text(each) for each in value]
    return value


def _without_nul(text: str) -> str:
    return text.replace("\0", "\ufffd")  # PostgreSQL stores none


def _is_untouched(event: AuditEvent) -> bool:
    try:
        return _mac(event) == event.mac
    except Unavailable:  # it names an audit key that never was
        return False


def _mac(event: AuditEvent) -> str:
    fields = [
        str(event.team_id),
        event.sequence,
        _instant(event.at),
        event.action,
        event.actor_kind,
        event.actor_id,
        event.actor_name,
        event.address,
        event.target_kind,
        event.target_id,
        event.target_name,
        event.before,
        event.after,
        event.key_version,
        event.previous_mac,
    ]
    if event.request_id:  # older rows have none, and their macs hold as they are
        fields.append(event.request_id)
    message = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    return digests.audit_mac(message, event.key_version)[1]


def _instant(when: datetime) -> str:
    return when.astimezone(timezone.get_default_timezone()).isoformat(timespec="microseconds")
