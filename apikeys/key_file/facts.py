"""Facts: what the key file says of a team and of a key, read from the database in few statements.

The one list of columns: `changes` watches them, and `reading` puts them back.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import ServiceAccount, Team
from accounts.models.limited import LIMIT_COLUMNS
from apikeys import resources
from apikeys.key_file import changes
from apikeys.key_file.layout import Line, line
from apikeys.models import ApiKey, KeySecret, WaitingSelection

TEAM = ("id", "slug", "name", "suspended_at", "created_at")
KEY = (
    *("id", "team_id", "name", "kind", "pinned_to", "scopes", "networks", "origins"),
    *LIMIT_COLUMNS,
    *("environment", "created_at", "expires_at", "disabled_at", "deleted_at"),
)
ACCOUNT = ("id", "name", "environment", "disabled_at", "deleted_at", "created_at")
SECRET = (
    *("public_id", "digest", "pepper_version", "created_at", "ends_at", "ending_since"),
    *("ends_when_silent", "ciphertext", "key_version"),
)
MOMENTS = frozenset(
    {
        *("created_at", "suspended_at", "expires_at", "disabled_at", "deleted_at"),
        *("ends_at", "ending_since"),
    }
)
_AT_ONCE = 500  # keys of one statement


def watch_all() -> None:
    """Name the tables of this app and of accounts that the file is made from."""
    of_account = "SELECT id FROM apikeys_apikey WHERE service_account_id = {row}.id"
    changes.watch(Team, TEAM, "SELECT NULL")
    changes.watch(ServiceAccount, ACCOUNT, of_account)
    changes.watch(ApiKey, [*KEY, "service_account"], "SELECT {row}.id")
    changes.watch(KeySecret, [*SECRET, "key"], "SELECT {row}.key_id")
    changes.watch(WaitingSelection, ["key", "chatflow_id"], "SELECT {row}.key_id")


def teams() -> list[Line]:
    """Return the line of each team."""
    rows = Team.objects.order_by("created_at", "id").values_list(*TEAM)
    return [line("team", _told(TEAM, row)) for row in rows]


def keys(ids: Iterable[UUID] | None = None) -> Iterator[tuple[bytes, Line]]:
    """Return id and line of each key, or of these keys alone. One that is gone has none."""
    if ids is None:
        ids = list(ApiKey.objects.order_by("pk").values_list("pk", flat=True))
    wanted = list(ids)
    for start in range(0, len(wanted), _AT_ONCE):
        yield from _some(wanted[start : start + _AT_ONCE])


def _some(ids: list[UUID]) -> Iterator[tuple[bytes, Line]]:
    secrets, opened = _secrets(ids), _opened(ids)
    account = tuple(f"service_account__{name}" for name in ACCOUNT)
    for row in ApiKey.objects.filter(pk__in=ids).values_list(*KEY, *account):
        facts = _told(KEY, row[: len(KEY)])
        of_account = row[len(KEY) :]
        if of_account[0] is not None:
            facts["service_account"] = _told(ACCOUNT, of_account)
        facts["secrets"], facts["opens"] = secrets[row[0]], sorted(opened[row[0]])
        yield str(row[0]).encode(), line("key", facts)


def _secrets(ids: list[UUID]) -> Mapping[UUID, list[dict[str, object]]]:
    found: defaultdict[UUID, list[dict[str, object]]] = defaultdict(list)
    live: QuerySet[Any] = KeySecret.objects.live(timezone.now()).filter(key__in=ids)
    for key_id, *row in live.order_by("pk").values_list("key_id", *SECRET):
        found[key_id].append(_told(SECRET, row))
    return found


def _opened(ids: list[UUID]) -> Mapping[UUID, set[UUID]]:
    found: defaultdict[UUID, set[UUID]] = defaultdict(set)
    waiting = WaitingSelection.objects.filter(key__in=ids).values_list("key_id", "chatflow_id")
    for pairs in (resources.registry().opened_ids(ids), waiting):
        for key_id, resource_id in pairs:
            found[key_id].add(resource_id)
    return found


def _told(names: tuple[str, ...], row: Iterable[Any]) -> dict[str, object]:
    """Return a row as facts. What is not set is left out."""
    return {name: value for name, value in zip(names, row, strict=True) if value is not None}


def moments(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts of the file with their moments as such."""
    return {
        name: datetime.fromisoformat(value) if name in MOMENTS else value
        for name, value in told.items()
    }
