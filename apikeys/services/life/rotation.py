"""Rotation: a new secret beside the old one, which ends after an overlap or once it is silent.

Each change locks the key first, so that it never has more than two secrets that work. The end of an
overlap is a moment in the old secret's row, and the gate reads it at each call: nothing has to run
for it to come. A clock that runs back lets an old secret work again until its end comes a second
time. One that was retired or revoked stays ended (`KeySecretQuerySet.end`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Event

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts import audit
from accounts.models import User
from accounts.permissions import Actor
from apikeys import resources
from apikeys.models import ApiKey, KeySecret
from apikeys.models.keys import KeySecretQuerySet
from apikeys.services import keys, rights
from apikeys.services.life import policies

log = structlog.get_logger("flowlatch.rotation")

OVERLAPS = (
    timedelta(),
    timedelta(hours=1),
    timedelta(hours=24),
    timedelta(days=7),
    timedelta(days=30),
)
USUAL_OVERLAP = timedelta(hours=24)
SILENT_FOR = timedelta(hours=12)
EXTENSION = timedelta(hours=24)
WORKER = Actor("system", "worker", "Flowlatch")


class TwoSecrets(Exception):
    """Two secrets work already. The old one has to end before the next rotation."""


class NotRotating(Exception):
    """The key has no second secret that works."""


@transaction.atomic
def rotate(
    key: ApiKey,
    by: Actor,
    *,
    overlap: timedelta,
    when_silent: bool = False,
    expires_at: datetime | None = None,
    shown_to: User | None = None,
) -> str:
    """Make a new secret beside the key's present one, and return its text.

    The old secret works until the overlap is over, and no longer than an end that was set before.
    With `when_silent` it ends earlier, once no call came with it for 12 hours. `expires_at` is a
    new end of the key, if it gets one. Without a secret that works, nothing overlaps.

    Raises NotAllowed unless the actor holds all scopes of the key, TwoSecrets during a rotation,
    and ValidationError for an overlap that is negative or longer than the key policy allows, and
    for an end that is past.
    """
    policies.lock(key.team)
    now = timezone.now()
    _check_overlap(key, overlap)
    live = lock_secrets(key, now)
    rights.check(key.team, by, key.scopes)
    if len(live) > 1:
        raise TwoSecrets
    for old in live:
        set_end(old, now, overlap, when_silent=when_silent)
    made = keys.make_secret(key, shown_to)
    facts: dict[str, object] = {"public_id": made.public_id, **ending_facts(live, now)}
    if expires_at is not None:
        if expires_at <= now:
            raise ValidationError({"expires_at": "This moment is past. Choose a later one."})
        policies.check_end(key.team, expires_at, now)
        key.expires_at = expires_at
        key.version += 1
        key.save(update_fields=["expires_at", "version"])
        facts["expires_at"] = expires_at.isoformat()
    action = "api_key.rotate" if live else "api_key.issue_secret"
    audit.record(key.team_id, action, by, keys.target(key), after=facts)
    rights.check_again(key.team, by, key.scopes)
    return made.text


@transaction.atomic
def retire(key: ApiKey, by: Actor, *, public_id: str | None = None) -> None:
    """End the older of the key's two secrets now. Raises NotRotating if there is only one.

    With `public_id`, that must be the older one: a page that was drawn before the next rotation
    means another.
    """
    now = timezone.now()
    old = _old(lock_secrets(key, now))
    if public_id is not None and public_id != old.public_id:
        raise NotRotating
    _of(old).end(now)
    _record("api_key.retire_secret", key, by, {"public_id": old.public_id})


@transaction.atomic
def extend_overlap(key: ApiKey, by: Actor, more: timedelta = EXTENSION) -> datetime:
    """Let the older of the key's two secrets work longer, and return its new end.

    No overlap lasts longer than the key policy allows, counted from when its end was first set.
    Raises NotRotating if there is only one secret, and ValidationError at the longest overlap.
    """
    now = timezone.now()
    old = _old(lock_secrets(key, now))
    before = old.ends_at
    latest = (old.ending_since or now) + policies.longest_overlap(key.team)
    if before is None or before >= latest:
        raise ValidationError("The overlap is as long as it may be.")
    old.ends_at = min(before + more, latest)
    old.save(update_fields=["ends_at"])
    _record(
        "api_key.extend_overlap",
        key,
        by,
        {"public_id": old.public_id, **ending_facts([old], now)},
        before={"old_secret_ends_at": before.isoformat()},
    )
    return old.ends_at


@transaction.atomic
def let_end(key: ApiKey, by: Actor, *, overlap: timedelta, when_silent: bool = False) -> None:
    """Let every secret of the key end after an overlap, without a new one yet.

    No secret lives longer by it. Raises ValidationError for an overlap as `rotate` does, and
    NotRotating if no secret works.
    """
    now = timezone.now()
    _check_overlap(key, overlap)
    live = lock_secrets(key, now)
    if not live:
        raise NotRotating
    for secret in live:
        set_end(secret, now, overlap, when_silent=when_silent)
    _record("api_key.let_end", key, by, ending_facts(live[:1], now))


@transaction.atomic
def revoke_secrets(key: ApiKey, by: Actor, *, public_id: str | None = None) -> int:
    """End every secret of the key now, or the one of a public id; the key stays.

    Returns how many there were. Raises ValidationError if none that works has this public id.
    """
    now = timezone.now()
    named = [
        secret
        for secret in lock_secrets(key, now)
        if public_id is None or secret.public_id == public_id
    ]
    if public_id is not None and not named:
        raise ValidationError({"public_id": "The key has no text of this id that works."})
    ended = KeySecret.objects.filter(pk__in=[secret.pk for secret in named]).end(now)
    if ended:
        facts = {"secrets": ended} if public_id is None else {"public_id": public_id}
        _record("api_key.revoke_secrets", key, by, facts)
    return ended


def let_all_end(
    secrets: KeySecretQuerySet, at: datetime, now: datetime, *, when_silent: bool
) -> None:
    """Set the end of many secrets that have none, or a later one. The caller locked their keys."""
    is_silent = {"ends_when_silent": True} if when_silent else {}
    secrets.update(ends_at=at, ending_since=Coalesce("ending_since", Value(now)), **is_silent)


def end_silent(stopping: Event) -> None:
    """End the secrets that shall end once they are silent, and are. The worker calls it.

    Silence counts from the last call that was let in, and at the earliest from when the end was
    set: a program that calls once a day is not cut off at once.
    """
    now = timezone.now()
    waiting = KeySecret.objects.live(now).filter(ends_when_silent=True)
    for secret in waiting.select_related("key__team").order_by("pk").iterator(chunk_size=500):
        if stopping.is_set():
            return
        if _is_silent(secret, now):
            _end_silent(secret)


@transaction.atomic
def _end_silent(secret: KeySecret) -> None:
    key, now = secret.key, timezone.now()
    mine = [each for each in lock_secrets(key, now) if each.pk == secret.pk]
    # Between the look and the lock its end may have been moved, or a call may have come.
    if mine and mine[0].ends_when_silent and _is_silent(mine[0], now):
        _of(secret).end(now)
        _record("api_key.end_silent_secret", key, WORKER, {"public_id": secret.public_id})
        log.info("silent secret ended", key=str(key.id))


def _is_silent(secret: KeySecret, now: datetime) -> bool:
    since = secret.ending_since or secret.created_at
    if now - since < SILENT_FOR:
        return False
    last_at = resources.registry().last_uses(secret.key).get(secret.public_id)
    return last_at is None or now - last_at >= SILENT_FOR


def lock_secrets(key: ApiKey, now: datetime) -> list[KeySecret]:
    """Lock the key, read it anew, and return its secrets that work, the newest first."""
    locked = ApiKey.objects.kept().select_for_update(no_key=True).get(pk=key.pk)
    key.scopes, key.expires_at, key.version = locked.scopes, locked.expires_at, locked.version
    # By their order of making and not by time: a clock may have run back between two.
    return list(KeySecret.objects.live(now).filter(key=key).order_by("-pk"))


def _old(live: Sequence[KeySecret]) -> KeySecret:
    if len(live) < 2:
        raise NotRotating
    return live[-1]


def _of(secret: KeySecret) -> KeySecretQuerySet:
    return KeySecret.objects.filter(pk=secret.pk)


def _check_overlap(key: ApiKey, overlap: timedelta) -> None:
    longest = policies.longest_overlap(key.team)
    if not timedelta() <= overlap <= longest:
        raise ValidationError({"overlap": f"Both secrets may work for at most {words(longest)}."})


def set_end(secret: KeySecret, now: datetime, overlap: timedelta, *, when_silent: bool) -> None:
    if not overlap:
        _of(secret).end(now)
        return
    ends_at = now + overlap
    secret.ends_at = min(secret.ends_at, ends_at) if secret.ends_at else ends_at
    secret.ending_since = secret.ending_since or now
    secret.ends_when_silent = secret.ends_when_silent or when_silent
    secret.save(update_fields=["ends_at", "ending_since", "ends_when_silent"])


def ending_facts(secrets: Sequence[KeySecret], now: datetime) -> dict[str, object]:
    """Return when the old secret ends, for the audit trail."""
    for secret in secrets:
        ends_at = secret.ends_at or now
        silent = {"ends_when_silent": True} if secret.ends_when_silent else {}
        return {"old_secret_ends_at": ends_at.isoformat(), **silent}
    return {}


def _record(
    action: str, key: ApiKey, by: Actor, after: audit.Facts, before: audit.Facts | None = None
) -> None:
    audit.record(key.team_id, action, by, keys.target(key), before=before, after=after)


def words(overlap: timedelta) -> str:
    """Return how pages call the length of an overlap."""
    hours = overlap // timedelta(hours=1)
    if not hours:
        return "none"
    if hours > 24 and not hours % 24:
        return f"{hours // 24} days"
    return f"{hours} hour{'' if hours == 1 else 's'}"
