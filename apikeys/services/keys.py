"""API keys: create, issue, disable, enable, delete. Each in one transaction with its audit row."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Unpack
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.bounds import NANOS
from accounts.crypto import digests
from accounts.models import Team, User
from accounts.permissions import Actor
from apikeys import key_text, resources
from apikeys.found import Found, sentence
from apikeys.key_text import KeyText
from apikeys.models import ApiKey, KeySecret
from apikeys.services import publishable, rights
from apikeys.services.life import policies
from apikeys.services.terms import Terms, checked


class AlreadyIssued(Exception):
    """The key has a secret. A second one would be a rotation."""


@transaction.atomic
def create(team: Team, name: str, by: Actor, **terms: Unpack[Terms]) -> ApiKey:
    """Make a key without a secret. It opens nothing until `issue`.

    Nothing is asked of the actor's scopes here: `issue` asks, where the text comes into being.
    Raises ValidationError for a name that is taken, empty or too long, and for terms that don't
    hold (see `terms.checked`).
    """
    policies.lock(team)
    key = ApiKey(team=team, name=name.strip(), **checked(team, terms))
    key.store(force_insert=True)
    audit.record(team.id, "api_key.create", by, target(key), after=_facts(key))
    return key


@transaction.atomic
def issue(
    key: ApiKey,
    by: Actor,
    *,
    replace: bool = False,
    replace_unused: bool = False,
    shown_to: User | None = None,
) -> str:
    """Make the key's secret and return its text. That of a secret key is stored nowhere.

    `shown_to` is the person who sees the text, if it is a person.

    Raises AlreadyIssued if the key has a working secret, unless `replace` is set, or
    `replace_unused` and no call was let in with it. Then the old secret ends now. Raises NotAllowed
    unless the actor holds all scopes of the key.
    """
    now = timezone.now()
    policies.lock(key.team)
    # Two at once must not make two secrets.
    locked = ApiKey.objects.select_for_update(no_key=True).get(pk=key.pk)
    rights.check(key.team, by, locked.scopes)
    live = KeySecret.objects.live(now).filter(key=key)
    may_replace = replace or (replace_unused and locked.last_used_at is None)
    if live.exists() and not may_replace:
        raise AlreadyIssued
    ended = live.end(now)
    made = make_secret(locked, shown_to)
    key.expires_at = locked.expires_at
    action = "api_key.replace_secret" if ended else "api_key.issue_secret"
    after = {"public_id": made.public_id}
    audit.record(key.team_id, action, by, target(key), after=after)
    rights.check_again(key.team, by, locked.scopes)
    return made.text


def make_secret(key: ApiKey, shown_to: User | None) -> KeyText:
    """Create a secret beside those that live, in the transaction of the caller. Return its text.

    The caller has locked the team's key policy, which may move the key's end to an earlier moment.
    The text of a publishable key is kept, encrypted.
    """
    policies.bound_end(key, timezone.now())
    made = key_text.generate(is_publishable=key.is_publishable)
    version, digest = digests.pepper_digest(made.text)
    secret = KeySecret(
        key=key,
        public_id=made.public_id,
        digest=digest,
        pepper_version=version,
        shown_to=shown_to,
    )
    if key.is_publishable:
        publishable.seal(secret, made.text)
    secret.save(force_insert=True)
    return made


@transaction.atomic
def add(
    team: Team,
    name: str,
    by: Actor,
    *,
    opens: Sequence[UUID] = (),
    **terms: Unpack[Terms],
) -> tuple[ApiKey, str]:
    """Make a key with its secret, selected for resources of its team. Return it and its text.

    Raises what `prepare` raises, and NotAllowed unless the actor holds the key's scopes.
    """
    key = prepare(team, name, by, opens=opens, **terms)
    return key, issue(key, by, shown_to=key.created_by)


@transaction.atomic
def prepare(
    team: Team,
    name: str,
    by: Actor,
    *,
    opens: Sequence[UUID] = (),
    **terms: Unpack[Terms],
) -> ApiKey:
    """Make a key without a secret, selected for resources of its team.

    A publishable key is selected for the one that it is pinned to. Raises what `create` raises, and
    NotAllowed unless the actor may update what it opens.
    """
    pinned_to = terms.get("pinned_to")
    opened = [pinned_to] if pinned_to else opens
    policies.lock(team)
    resources.registry().hold(team, opened)
    key = create(team, name, by, **terms)
    resources.registry().open(key, opened, by)
    return key


def found_of(key: ApiKey) -> Found:
    """Return the sentence that says what someone who found the key could do now."""
    opened = resources.registry().of_keys([key]).get(key.id, [])
    return sentence(
        key.scopes,
        resources=[resource.name for resource in opened],
        networks=key.networks,
        expires_at=key.expires_at,
        is_publishable=key.is_publishable,
        limits=key.limits,
    )


@transaction.atomic
def disable(key: ApiKey, by: Actor) -> None:
    """Disable the key: it opens nothing until it is enabled again."""
    disable_all([key], by)


@transaction.atomic
def enable(key: ApiKey, by: Actor) -> None:
    """Enable the key: it opens again what it is selected for.

    Raises NotAllowed unless the actor holds all scopes of the key.
    """
    _lock([key])
    rights.check(key.team, by, key.scopes)
    enable_all([key], by)


@transaction.atomic
def disable_all(keys: Iterable[ApiKey], by: Actor) -> int:
    """Disable each key that is not disabled. Return how many there were."""
    enabled = [key for key in _lock(keys) if key.disabled_at is None]
    return _set_disabled(enabled, timezone.now(), "api_key.disable", by)


@transaction.atomic
def enable_all(keys: Iterable[ApiKey], by: Actor) -> int:
    """Enable each disabled key. Return how many there were.

    Raises NotAllowed, and enables none, if the actor lacks a scope of one of them.
    """
    disabled = [key for key in _lock(keys) if key.disabled_at is not None]
    for key in disabled:
        rights.check(key.team, by, key.scopes)
    return _set_disabled(disabled, None, "api_key.enable", by)


@transaction.atomic
def delete(key: ApiKey, by: Actor, *, replacement: ApiKey | None = None) -> None:
    """Delete the key for good, unless it is deleted already. Records keep its name.

    A `replacement` of the same team is selected for each resource that would be closed.
    """
    if not _lock([key]):
        return
    if replacement is not None:
        opened = resources.registry().of_keys([key])[key.id]
        closing = [resource.id for resource in opened if resource.would_close]
        resources.registry().open(replacement, closing, by)
    _delete(key, by)


@transaction.atomic
def delete_all(keys: Iterable[ApiKey], by: Actor) -> None:
    """Delete keys for good, those that are not deleted already."""
    for key in _lock(keys):
        _delete(key, by)


def _delete(key: ApiKey, by: Actor) -> None:
    key.deleted_at = timezone.now()
    key.save(update_fields=["deleted_at"])
    audit.record(key.team_id, "api_key.delete", by, target(key), before=_facts(key))


def _lock(keys: Iterable[ApiKey]) -> list[ApiKey]:
    """Lock keys and read anew what is asked of them. Return those that are not deleted.

    All at once, in the order of the recorder's batches, and before the first audit row: whoever
    changes one key holds it while waiting for the chain's head.
    """
    given = {key.pk: key for key in keys}
    kept = ApiKey.objects.kept().filter(pk__in=given).order_by("pk")
    found = []
    for pk, scopes, disabled_at in kept.select_for_update(no_key=True).values_list(
        "pk", "scopes", "disabled_at"
    ):
        key = given[pk]
        key.scopes, key.disabled_at = scopes, disabled_at
        found.append(key)
    return found


def _set_disabled(keys: Sequence[ApiKey], when: datetime | None, action: str, by: Actor) -> int:
    for key in keys:
        key.disabled_at = when
        key.save(update_fields=["disabled_at"])
        audit.record(key.team_id, action, by, target(key))
    return len(keys)


def target(key: ApiKey) -> audit.Target:
    """Return how the audit trail names the key."""
    return audit.Target("api_key", str(key.id), key.name)


def _facts(key: ApiKey) -> dict[str, object]:
    """Return what the trail says of a key: its terms, without those that ask nothing."""
    budget = key.limits.budget
    facts: dict[str, object] = {
        "name": key.name,
        "kind": str(key.kind),
        "scopes": list(key.scopes),
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
        "environment": str(key.environment),
    }
    bounds: dict[str, object] = {
        "service_account": key.service_account.name if key.service_account else None,
        "contact": key.contact.username if key.contact else None,
        "pinned_to": str(key.pinned_to) if key.pinned_to else None,
        "networks": list(key.networks),
        "origins": list(key.origins),
        **{f"limit_{name}": limit for name, limit in key.limits._asdict().items()},
        "limit_budget": f"{Decimal(budget) / NANOS:.2f}" if budget else None,
    }
    return facts | {name: value for name, value in bounds.items() if value}
