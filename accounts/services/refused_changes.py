"""Refused changes: who tried what they may not, noted in the audit trail without flooding it."""

import threading
from collections import OrderedDict
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.permissions import Actor

# One person's tries of one page in one hour make a row at each of these numbers. Each process
# counts by itself.
NOTED_AT = frozenset(10**power for power in range(7))
MAX_COUNTS = 10_000  # of tries, in one process; the longest quiet goes first
MAX_SLUG = 50  # characters: it is a text of whoever sends the request
HOUR = 3600  # seconds

_lock = threading.Lock()
_counts: OrderedDict[tuple[UUID, str, str], tuple[int, int]] = OrderedDict()  # hour, tries


def note(chain_id: UUID, by: Actor, page: str, status: int, *, team: str = "") -> None:
    """Note a try in a team's trail, or in the installation's if `by` is no member.

    `page` is the name of the route. `team` is the slug that stood in the address.
    """
    times = _count(chain_id, by, page)
    if times not in NOTED_AT:
        return
    after: dict[str, object] = {"status": status, "times": times}
    if team:
        after["team"] = team[:MAX_SLUG]
    target = audit.Target("page", page[:40], page.replace("_", " "))
    with transaction.atomic():
        audit.record(chain_id, "change.refuse", by, target, after=after)


def _count(chain_id: UUID, by: Actor, page: str) -> int:
    """Return how often this person tried this in this hour, with this time."""
    key, now = (chain_id, by.id, page), int(timezone.now().timestamp()) // HOUR
    with _lock:
        hour, times = _counts.pop(key, (now, 0))
        times = times + 1 if hour == now else 1
        _counts[key] = (now, times)
        if len(_counts) > MAX_COUNTS:
            _counts.popitem(last=False)
    return times
