"""Reading: bring the keys of a lost database back from the key file.

People, policies and chatflows do not come back. What a key opened waits for its chatflow.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from accounts import audit
from accounts.models import ServiceAccount, Team
from accounts.models.names import fold
from accounts.permissions import Actor
from apikeys.key_file import changes, facts, layout, writing
from apikeys.models import ApiKey, KeySecret, WaitingSelection

_AT_ONCE = 500  # rows of one statement
Told = Mapping[str, Any]


class Restored(NamedTuple):
    """What came back."""

    teams: int
    keys: int


def is_there() -> bool:
    """Whether there is a key file to read."""
    return changes.is_on() and (writing.folder() / layout.NAME).exists()


@transaction.atomic
def restore(by: Actor) -> Restored | None:
    """Bring teams, keys and secrets back, into a database without any team. None: nothing to do.

    Raises Damaged with the line named, Locked, OSError and Unavailable; then nothing was changed.
    """
    if not is_there() or Team.objects.exists():
        return None
    with writing.locked(writing.AT_START) as folder:
        head, lines = writing.held(folder)
    told = [layout.told(each) for each in lines]
    of_teams = [each for each in told if each["line"] == "team"]
    of_keys = [each for each in told if each["line"] == "key"]
    changes.go_on_from(head.generation)
    _create(Team, (_values(each, facts.TEAM) for each in of_teams))
    _create(ServiceAccount, _accounts(of_keys))
    _create(ApiKey, map(_key, of_keys))
    _create(KeySecret, (_secret(key, each) for key in of_keys for each in key["secrets"]))
    _create(WaitingSelection, _waiting(of_keys))
    for team in of_teams:
        _record(team, [key for key in of_keys if key["team_id"] == team["id"]], by)
    return Restored(len(of_teams), len(of_keys))


def _create(model: type[Any], rows: Iterable[dict[str, Any]]) -> None:
    made = [model(**row) for row in rows]
    created = [row.created_at for row in made] if hasattr(model, "created_at") else []
    model._base_manager.bulk_create(made, batch_size=_AT_ONCE)
    for row, at in zip(made, created, strict=False):
        row.created_at = at
    if created:  # the field sets its own moment for a new row
        model._base_manager.bulk_update(made, ["created_at"], batch_size=_AT_ONCE)


def _key(key: Told) -> dict[str, Any]:
    account = key.get("service_account")
    return {
        **_values(key, facts.KEY),
        "name_key": fold(key["name"]),
        "service_account_id": account["id"] if account else None,
    }


def _accounts(of_keys: Iterable[Told]) -> list[dict[str, Any]]:
    found = {
        account["id"]: {
            **_values(account, facts.ACCOUNT),
            "name_key": fold(account["name"]),
            "team_id": key["team_id"],
        }
        for key in of_keys
        if (account := key.get("service_account"))
    }
    return list(found.values())


def _secret(key: Told, secret: Told) -> dict[str, Any]:
    values = {**_values(secret, facts.SECRET), "key_id": key["id"]}
    if values.get("ciphertext") is not None:
        values["ciphertext"] = base64.b64decode(values["ciphertext"])
    return values


def _waiting(of_keys: Iterable[Told]) -> Iterator[dict[str, Any]]:
    for key in of_keys:
        for chatflow_id in key["opens"]:
            yield {
                "team_id": key["team_id"],
                "key_id": key["id"],
                "chatflow_id": UUID(chatflow_id),
            }


def _values(told: Told, names: Iterable[str]) -> dict[str, Any]:
    return facts.moments({name: told[name] for name in names if name in told})


def _record(team: Told, of_keys: list[Told], by: Actor) -> None:
    after = {
        "keys": len(of_keys),
        "waiting_selections": sum(len(key["opens"]) for key in of_keys),
    }
    target = audit.Target("team", team["id"], team["name"])
    audit.record(UUID(team["id"]), "team.restore_keys", by, target, after=after)
