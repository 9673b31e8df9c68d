"""Pages of what the audit trail names. Each app registers how its targets are found."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from uuid import UUID

from accounts.models import AuditEvent

# Takes a team's id and ids of targets; returns the addresses of those that still have a page.
Find = Callable[[UUID, Iterable[str]], Mapping[str, str]]
_finders: dict[str, Find] = {}


def register(kind: str, find: Find) -> None:
    """Set how the pages of one kind of target are found."""
    _finders[kind] = find


def link(team_id: UUID, events: Iterable[AuditEvent]) -> None:
    """Give each event the `target_url` of what it is about; empty where there is no page."""
    of_kind: defaultdict[str, list[AuditEvent]] = defaultdict(list)
    for event in events:
        of_kind[event.target_kind].append(event)
    for kind, about in of_kind.items():
        find = _finders.get(kind)
        urls = find(team_id, {event.target_id for event in about}) if find else {}
        for event in about:
            event.target_url = urls.get(event.target_id, "")  # type: ignore[attr-defined]
