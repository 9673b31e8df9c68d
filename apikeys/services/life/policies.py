"""The key policy of a team, read by whatever makes, extends or rotates keys.

`policy_changes` sets it. It takes away and never gives: a looser policy restores nothing.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db.models.functions import Coalesce

from accounts.models import Team
from accounts.permissions import SCOPES, Permission, with_implied
from accounts.services import members
from apikeys.models import ApiKey, ApiKeyQuerySet, KeyPolicy, KeySecret

LONGEST_OVERLAP = timedelta(days=30)
LIFE_WITHOUT_END = timedelta(days=365)  # where keys must end and the policy says no longest life
ALWAYS_ALLOWED = frozenset({Permission.PREDICTIONS_CREATE.value})


def of(team: Team) -> KeyPolicy:
    """Return the team's policy; one that asks nothing if none was saved."""
    return KeyPolicy.objects.of(team).first() or KeyPolicy(team=team)


def lock(team: Team) -> None:
    """Lock the team in the caller's transaction: no policy is saved while a key is checked by it.

    Take this lock before that of a key.
    """
    members.lock(team)


def longest_overlap(team: Team) -> timedelta:
    """Return how long two secrets of a key may both work."""
    hours = of(team).longest_overlap
    return LONGEST_OVERLAP if hours is None else min(LONGEST_OVERLAP, timedelta(hours=hours))


def allowed_scopes(team: Team) -> frozenset[str]:
    """Return the scopes that keys of the team may hold. Asking chatflows is always allowed."""
    scopes = of(team).scopes
    return frozenset(SCOPES) if scopes is None else SCOPES & {*scopes, *ALWAYS_ALLOWED}


def why_not_scopes(team: Team, scopes: Iterable[str]) -> str:
    """Return why the policy does not allow these scopes, or an empty text if it does."""
    refused = ", ".join(sorted(with_implied(scopes) - allowed_scopes(team)))
    return refused and f"The key policy of the team does not allow {refused}."


def check_scopes(team: Team, scopes: Iterable[str]) -> None:
    """Raise ValidationError for `scopes` that the policy does not allow."""
    if said := why_not_scopes(team, scopes):
        raise ValidationError({"scopes": said})


def latest_end(team: Team, now: datetime, since: datetime | None = None) -> datetime | None:
    """Return the latest end of a key whose newest text was made at `since` (a new key: now).

    None: the policy asks for none. The end may have passed: then only a new text helps.
    """
    life = of(team).longest_life
    return None if life is None else (since or now) + timedelta(days=life)


def why_not_end(
    team: Team, expires_at: datetime | None, now: datetime, since: datetime | None = None
) -> str:
    """Return why the policy does not allow this end, or an empty text if it does."""
    latest = latest_end(team, now, since)
    if expires_at is None:
        return "" if of(team).may_last_forever else "The key policy of the team asks for an end."
    if latest is None or expires_at <= latest:
        return ""
    return f"The key policy allows no end after {latest.day} {latest:%B %Y, %H:%M} UTC."


def check_end(
    team: Team, expires_at: datetime | None, now: datetime, since: datetime | None = None
) -> None:
    """Raise ValidationError for `expires_at` if the policy does not allow this end."""
    if said := why_not_end(team, expires_at, now, since):
        raise ValidationError({"expires_at": said})


def bound_end(key: ApiKey, now: datetime) -> None:
    """Move the key's end to where the policy wants it, now that it gets a text made at `now`.

    For a key that was made before the policy and is issued after it. In the caller's transaction.
    """
    policy = of(key.team)
    days = policy.longest_life
    life = LIFE_WITHOUT_END if days is None else timedelta(days=days)
    if key.expires_at is None:
        is_bound = not policy.may_last_forever
    else:
        is_bound = days is not None and key.expires_at > now + life
    if is_bound:
        key.expires_at = now + life
        key.save(update_fields=["expires_at"])


def text_made_at(key: ApiKey) -> datetime | None:
    """Return when the key's newest text was made, or None if it never had one."""
    newest = KeySecret.objects.filter(key=key).order_by("-pk")
    return newest.values_list("created_at", flat=True).first()


def intervals() -> list[int]:
    """Return every rotation interval, in days, that a key or the policy of a team has."""
    own = ApiKey.objects.kept().exclude(rotate_every=None).values_list("rotate_every", flat=True)
    asked = KeyPolicy.objects.exclude(rotate_every=None).values_list("rotate_every", flat=True)
    return sorted({days for days in (*own.distinct(), *asked.distinct()) if days})


def with_interval(keys: ApiKeyQuerySet, days: int) -> ApiKeyQuerySet:
    """Return those of the keys with this rotation interval, their own or else the policy's."""
    interval = Coalesce("rotate_every", "team__key_policy__rotate_every")
    return keys.annotate(interval=interval).filter(interval=days)
