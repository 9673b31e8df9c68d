"""API keys: create, issue, disable, enable, delete. Each in one transaction with its audit row."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.bounds import NO_LIMITS, Limits
from accounts.crypto import digests
from accounts.models import ServiceAccount, Team, User
from accounts.permissions import SCOPES, Actor, Permission, with_implied
from apikeys import key_text, resources
from apikeys.key_text import KeyText
from apikeys.models import ApiKey, KeySecret
from apikeys.models.keys import Kind
from apikeys.services import key_texts, publishable, rights

DEFAULT_SCOPES = (Permission.PREDICTIONS_CREATE,)


class AlreadyIssued(Exception):
    """The key has a secret. A second one would be a rotation."""


@transaction.atomic
def create(
    team: Team,
    name: str,
    by: Actor,
    *,
    scopes: Iterable[str] = DEFAULT_SCOPES,
    expires_at: datetime | None = None,
    created_by: User | None = None,
    service_account: ServiceAccount | None = None,
    kind: str = Kind.SECRET,
    pinned_to: UUID | None = None,
    origins: Sequence[str] = (),
    limits: Limits = NO_LIMITS,
) -> ApiKey:
    """Make a key without a secret. It opens nothing until `issue`.

    Nothing is asked of the actor's scopes here: `issue` asks, where the text comes into being. A
    publishable key is selected for the chatflow that it is pinned to.

    Raises ValidationError for a name that is taken, empty or too long, for unknown scopes, for a
    service account that is deleted or belongs to another team, and for what the kind forbids
    (`publishable.check`, `check_pin`).
    """
    wanted = sorted(with_implied(scopes))
    if not SCOPES.issuperset(wanted):
        raise ValidationError({"scopes": "Unknown scope."})
    if service_account is not None:
        service_account = _kept_account(team, service_account)
    key = ApiKey(
        team=team,
        name=name.strip(),
        scopes=wanted,
        expires_at=expires_at,
        created_by=created_by,
        service_account=service_account,
        kind=kind,
        pinned_to=pinned_to,
        origins=list(origins),
    )
    key.limits = limits
    publishable.check(key)
    publishable.check_pin(key)
    key.store(force_insert=True)
    audit.record(team.id, "api_key.create", by, target(key), after=_facts(key))
    if pinned_to is not None:
        resources.registry().open_only(key, pinned_to, by)
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
    # Two at once must not make two secrets.
    locked = ApiKey.objects.select_for_update().get(pk=key.pk)
    rights.check(key.team, by, locked.scopes)
    live = KeySecret.objects.live(now).filter(key=key)
    may_replace = replace or (replace_unused and locked.last_used_at is None)
    if live.exists() and not may_replace:
        raise AlreadyIssued
    ended = live.end(now)
    made = make_secret(locked, shown_to)
    action = "api_key.replace_secret" if ended else "api_key.issue_secret"
    after = {"public_id": made.public_id}
    audit.record(key.team_id, action, by, target(key), after=after)
    return made.text


def make_secret(key: ApiKey, shown_to: User | None) -> KeyText:
    """Make a secret beside those that live, in the transaction of the caller. Return its text.

    The text of a publishable key is kept, encrypted.
    """
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
        key_texts.seal(secret, made.text)
    secret.save(force_insert=True)
    return made


@transaction.atomic
def add(
    team: Team,
    name: str,
    by: Actor,
    *,
    scopes: Iterable[str] = DEFAULT_SCOPES,
    expires_at: datetime | None = None,
    created_by: User | None = None,
    service_account: ServiceAccount | None = None,
    kind: str = Kind.SECRET,
    pinned_to: UUID | None = None,
    origins: Sequence[str] = (),
    limits: Limits = NO_LIMITS,
    opens: Sequence[UUID] = (),
) -> tuple[ApiKey, str]:
    """Make a key with its secret, selected for resources of its team. Return it and its text."""
    key = create(
        team,
        name,
        by,
        scopes=scopes,
        expires_at=expires_at,
        created_by=created_by,
        service_account=service_account,
        kind=kind,
        pinned_to=pinned_to,
        origins=origins,
        limits=limits,
    )
    text = issue(key, by, shown_to=created_by)
    resources.registry().open(key, opens, by)
    return key, text


@transaction.atomic
def disable(key: ApiKey, by: Actor) -> None:
    """Disable the key: it opens nothing until it is enabled again."""
    _set_disabled(key, timezone.now(), "api_key.disable", by)


@transaction.atomic
def enable(key: ApiKey, by: Actor) -> None:
    """Enable the key: it opens again what it is selected for.

    Raises NotAllowed unless the actor holds all scopes of the key.
    """
    rights.check(key.team, by, key.scopes)
    _set_disabled(key, None, "api_key.enable", by)


@transaction.atomic
def delete(key: ApiKey, by: Actor, *, replacement: ApiKey | None = None) -> None:
    """Delete the key for good. Records keep its name.

    A `replacement` of the same team is selected for each resource that would be closed.
    """
    if replacement is not None:
        opened = resources.registry().of_keys([key])[key.id]
        closing = [resource.id for resource in opened if resource.would_close]
        resources.registry().open(replacement, closing, by)
    key.deleted_at = timezone.now()
    key.save(update_fields=["deleted_at"])
    audit.record(key.team_id, "api_key.delete", by, target(key), before=_facts(key))


def _kept_account(team: Team, account: ServiceAccount) -> ServiceAccount:
    # Locked, so that it can't be deleted between this look and the key's birth.
    kept = ServiceAccount.objects.of(team).kept().select_for_update().filter(pk=account.pk).first()
    if kept is None:
        raise ValidationError({"service_account": "This service account is gone."})
    return kept


def _set_disabled(key: ApiKey, when: datetime | None, action: str, by: Actor) -> None:
    if (key.disabled_at is None) == (when is None):
        return
    key.disabled_at = when
    key.save(update_fields=["disabled_at"])
    audit.record(key.team_id, action, by, target(key))


def target(key: ApiKey) -> audit.Target:
    """Return how the audit trail names the key."""
    return audit.Target("api_key", str(key.id), key.name)


def _facts(key: ApiKey) -> dict[str, object]:
    expires_at = key.expires_at.isoformat() if key.expires_at else None
    account = {"service_account": key.service_account.name} if key.service_account else {}
    bounds = publishable.facts(key) if key.is_publishable else {}
    scopes = list(key.scopes)
    return {"name": key.name, "scopes": scopes, "expires_at": expires_at, **account, **bounds}
