"""The key policy of a team: read by whatever makes, extends or rotates keys, and set on its page.

It takes away and never gives: a looser policy restores nothing.
"""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError

from accounts.models import Team
from accounts.permissions import SCOPES, Permission
from apikeys.models import KeyPolicy

LONGEST_OVERLAP = timedelta(days=30)
LIFE_WITHOUT_END = timedelta(days=365)  # where keys must end and the policy says no longest life
MERCY = timedelta(hours=24)  # no key ends sooner after a policy was saved


def of(team: Team) -> KeyPolicy:
    """Return the team's policy; one that asks nothing if none was saved."""
    return KeyPolicy.objects.of(team).first() or KeyPolicy(team=team)


def longest_overlap(team: Team) -> timedelta:
    """Return how long two secrets of a key may both work."""
    hours = of(team).longest_overlap
    return LONGEST_OVERLAP if hours is None else min(LONGEST_OVERLAP, timedelta(hours=hours))


def allowed_scopes(team: Team) -> frozenset[str]:
    """Return the scopes that keys of the team may hold. Asking is always allowed."""
    scopes = of(team).scopes
    return SCOPES if scopes is None else SCOPES & {*scopes, Permission.PREDICTIONS_CREATE}


def latest_end(team: Team, now: datetime, since: datetime | None = None) -> datetime | None:
    """Return the latest end of a key whose newest text was made at `since` (a new key: now).

    None: the policy asks for none. The end may have passed: then only a new text helps.
    """
    life = of(team).longest_life
    return None if life is None else (since or now) + timedelta(days=life)


def check_end(
    team: Team, expires_at: datetime | None, now: datetime, since: datetime | None = None
) -> None:
    """Raise ValidationError for `expires_at` if the policy does not allow this end."""
    latest = latest_end(team, now, since)
    if expires_at is None:
        if not of(team).may_last_forever:
            raise ValidationError({"expires_at": "The key policy asks for an end."})
    elif latest is not None and expires_at > latest:
        said = f"{latest.day} {latest:%B %Y, %H:%M} UTC"
        raise ValidationError({"expires_at": f"The key policy allows no end later than {said}."})
