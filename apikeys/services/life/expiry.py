"""Expiry: give a key an end, or move it. Its mails are in `reminders`."""

from datetime import UTC, date, datetime, time, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.permissions import Actor
from accounts.services import versions
from apikeys.models import ApiKey
from apikeys.services import keys, rights
from apikeys.services.life import policies

END_OF_DAY = time(23, 59, 59, tzinfo=UTC)


def version_of(ends_at: datetime | None) -> str:
    """Return the version of an end."""
    return versions.of({"expires_at": ends_at})


@transaction.atomic
def set_end(key: ApiKey, expires_at: datetime, by: Actor, *, version: str | None = None) -> None:
    """Move the end of a key, or give it one. An expired key works again with its present text.

    An earlier end only takes away. For a later one the actor has to hold all scopes of the key, or
    NotAllowed is raised. Raises ValidationError for a moment that is past, for the present end, and
    for one that the key policy does not allow, and Stale if `version` is that of another end.
    """
    policies.lock(key.team)
    now = timezone.now()
    locked = ApiKey.objects.kept().select_for_update(no_key=True).get(pk=key.pk)
    present = locked.expires_at
    versions.check(version, {"expires_at": present})
    is_later = present is not None and (present <= now or expires_at > present)
    if is_later:
        rights.check(key.team, by, locked.scopes)
    if expires_at <= now:
        raise ValidationError({"expires_at": "This moment is past. Choose a later one."})
    if expires_at == present:
        raise ValidationError({"expires_at": "This is the present end."})
    policies.check_end(key.team, expires_at, now, policies.text_made_at(locked))
    before = {"expires_at": present.isoformat() if present is not None else None}
    key.expires_at = locked.expires_at = expires_at
    key.version = locked.version = locked.version + 1
    locked.save(update_fields=["expires_at", "version"])
    after = {"expires_at": expires_at.isoformat()}
    action = "api_key.extend" if is_later else "api_key.shorten"
    audit.record(key.team_id, action, by, keys.target(key), before=before, after=after)


def new_end(key: ApiKey, now: datetime) -> datetime | None:
    """Return the end that lets a new text live as long as the present one was to, if later.

    It is no later than the key policy allows.
    """
    if key.expires_at is None or key.secret is None:
        return None
    end = later(now, key.expires_at - key.secret.created_at)
    latest = policies.latest_end(key.team, now)
    end = min(end, latest) if latest else end
    return end if end > key.expires_at else None


def later(moment: datetime, span: timedelta) -> datetime:
    """Return the moment after a span, at most the last day of the calendar."""
    try:
        return moment + span
    except OverflowError:
        return datetime.combine(date.max, END_OF_DAY)
