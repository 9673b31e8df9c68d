"""Details of a key: name, note, contact, environment, account, limits, where from, scopes.

Each change is one transaction with its audit row. It carries the version of the key that its form
was drawn from: a key that changed meanwhile raises Stale, and nothing is saved.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import audit
from accounts.bounds import MOST, Limits
from accounts.models import Environment, ServiceAccount, Team, User
from accounts.models.limited import LIMIT_COLUMNS
from accounts.permissions import Actor
from accounts.services import members
from accounts.services.versions import Stale
from apikeys import resources, scopes
from apikeys.models import ApiKey, Kind
from apikeys.services import bounds, contacts, keys, publishable, rights
from apikeys.services.life import policies

MAX_ROTATION = 3650  # days


@dataclass(frozen=True, slots=True)
class Details:
    """What people write about a key. `contact` is a member, `contact_email` anyone else."""

    name: str
    note: str = ""
    environment: str = Environment.PRODUCTION
    service_account: ServiceAccount | None = None
    contact: User | None = None
    contact_email: str = ""
    rotate_every: int | None = None  # days


@transaction.atomic
def change(key: ApiKey, details: Details, by: Actor, *, version: int) -> None:
    """Save what people write about a key. A new address gets a link that confirms it.

    Raises Stale; TooMany for too many links; ValidationError by field for a name that is taken, an
    account that is gone, one that is disabled and would be left, a contact who is no member, and
    for both kinds of contact.
    """
    if details.contact_email:
        members.lock(key.team)  # before the key's row: links are counted one after another
    is_kept = _hold(key.team, details.service_account)
    locked = _locked(key, version)
    before = _facts(locked)
    old_email = locked.contact_email
    _check_account(locked, details.service_account, is_kept=is_kept)
    _check_contact(locked, details)
    if details.rotate_every is not None and not 1 <= details.rotate_every <= MAX_ROTATION:
        raise ValidationError({"rotate_every": f"Use a number from 1 to {MAX_ROTATION}."})
    locked.name, locked.note = details.name.strip(), details.note.strip()
    locked.environment = details.environment
    locked.service_account = details.service_account
    locked.contact, locked.contact_email = details.contact, details.contact_email
    locked.rotate_every = details.rotate_every
    if locked.contact_email != old_email:
        locked.contact_confirmed_at = None
    _save(locked, "api_key.update", by, before, _facts)
    if locked.contact_email != old_email:
        contacts.ask_anew(locked, by)


@transaction.atomic
def change_limits(key: ApiKey, limits: Limits, by: Actor, *, version: int) -> None:
    """Set what the key may take. None lifts a limit. Raises Stale, and ValidationError by field."""
    locked = _locked(key, version)
    before = _limit_facts(locked)
    for column, limit, most in zip(LIMIT_COLUMNS, limits, MOST, strict=True):
        _checked(column, partial(bounds.check_limit, limit, most))
    locked.limits = limits
    publishable.check(locked)
    _save(locked, "api_key.set_limits", by, before, _limit_facts)


@transaction.atomic
def change_where(
    key: ApiKey, networks: Sequence[str], from_origins: Sequence[str], by: Actor, *, version: int
) -> None:
    """Set where calls may come from. An empty list lets in calls from anywhere.

    Raises Stale, and ValidationError by field for what is not in its one spelling.
    """
    locked = _locked(key, version)
    before = _where_facts(locked)
    locked.networks = _checked("networks", partial(bounds.networks, networks))
    locked.origins = _checked("origins", partial(bounds.web_pages, from_origins))
    publishable.check(locked)
    _save(locked, "api_key.set_where_from", by, before, _where_facts)


@transaction.atomic
def change_scopes(key: ApiKey, texts: Iterable[str], by: Actor, *, version: int) -> None:
    """Set what the key may do.

    To add a scope, the actor must hold every scope that the key has then, and the key policy of
    the team must allow the new ones. Raises Stale, NotAllowed, and ValidationError.
    """
    policies.lock(key.team)
    locked = _locked(key, version)
    before = _scope_facts(locked)
    wanted = _checked("scopes", partial(scopes.read, texts))
    if locked.kind == Kind.PUBLISHABLE and wanted != frozenset(scopes.DEFAULT_SCOPES):
        raise ValidationError({"scopes": "A publishable key asks chatflows and nothing else."})
    added = wanted - frozenset(locked.scopes)
    if added:
        rights.check(locked.team, by, wanted | frozenset(locked.scopes))
    policies.check_scopes(locked.team, added)
    locked.scopes = sorted(wanted)
    _save(locked, "api_key.set_scopes", by, before, _scope_facts)


@transaction.atomic
def choose_chatflows(key: ApiKey, add: Set[UUID], remove: Set[UUID], by: Actor) -> int:
    """Select the key for some chatflows, and no longer for others. Return how many changed.

    Raises ValidationError for a publishable key, which is pinned to its chatflow.
    """
    # `no_key`: who saves an Access page refers to the key while holding the chatflow.
    locked = ApiKey.objects.select_for_update(no_key=True).get(pk=key.pk)
    if locked.kind == Kind.PUBLISHABLE:
        raise ValidationError("A publishable key stays with the chatflow that it was made for.")
    changed = resources.registry().choose(locked, add, remove, by)
    if not changed.added and not changed.removed:
        return 0
    audit.record(
        locked.team_id,
        "api_key.choose_chatflows",
        by,
        keys.target(locked),
        before={"opens": list(changed.removed)},
        after={"opens": list(changed.added)},
    )
    return len(changed.added) + len(changed.removed)


def _locked(key: ApiKey, version: int) -> ApiKey:
    locked = ApiKey.objects.select_for_update(of=("self",), no_key=True).select_related("team")
    found = locked.get(pk=key.pk)
    if found.version != version or found.deleted_at is not None:
        raise Stale
    return found


def _save(
    key: ApiKey,
    action: str,
    by: Actor,
    before: Mapping[str, object],
    facts: Callable[[ApiKey], dict[str, object]],
) -> None:
    after = facts(key)
    if after == before:
        return
    key.version += 1
    key.store()
    audit.record(key.team_id, action, by, keys.target(key), before=dict(before), after=after)


def _hold(team: Team, account: ServiceAccount | None) -> bool:
    """Lock an account, and return whether the team has it.

    Before the key's row: whoever deletes an account holds it while locking its keys.
    """
    if account is None:
        return True
    of_team = ServiceAccount.objects.of(team).kept().select_for_update(no_key=True)
    return bool(of_team.filter(pk=account.pk).values_list("pk"))


def _check_account(key: ApiKey, account: ServiceAccount | None, *, is_kept: bool) -> None:
    if account == key.service_account:
        return
    if key.service_account is not None and not key.service_account.is_usable:
        # Out of it the key would work again, which asks for more than a change of details.
        raise ValidationError(
            {
                "service_account": "Its service account is disabled, which refuses this key. "
                "Enable the account before you take the key out of it."
            }
        )
    if not is_kept:
        raise ValidationError({"service_account": "This service account is gone."})


def _check_contact(key: ApiKey, details: Details) -> None:
    if details.contact is not None and details.contact_email:
        raise ValidationError({"contact_email": "Name a member or an address, not both."})
    if details.contact is None or details.contact == key.contact:
        return
    _checked("contact", partial(bounds.check_contact, key.team, details.contact))


def _checked(field: str, check: Callable[[], Any]) -> Any:
    """Return what a check returns. Its ValueError becomes a ValidationError of the field."""
    try:
        return check()
    except ValueError as error:
        raise ValidationError({field: str(error)}) from None


def _facts(key: ApiKey) -> dict[str, object]:
    return {
        "name": key.name,
        "note": key.note,
        "environment": str(key.environment),
        "service_account": key.service_account.name if key.service_account else None,
        "contact": key.contact.username if key.contact else key.contact_email or None,
        "rotate_every": key.rotate_every,
    }


def _limit_facts(key: ApiKey) -> dict[str, Any]:
    return dict(zip(LIMIT_COLUMNS, key.limits, strict=True))


def _where_facts(key: ApiKey) -> dict[str, Any]:
    return {"networks": list(key.networks), "origins": list(key.origins)}


def _scope_facts(key: ApiKey) -> dict[str, Any]:
    return {"scopes": list(key.scopes)}
