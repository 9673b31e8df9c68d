"""Expiry: move the end of a key to a later moment. Its mails are in `reminders`."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.permissions import Actor
from apikeys.models import ApiKey
from apikeys.services import keys, rights
from apikeys.services.life import policies


@transaction.atomic
def extend(key: ApiKey, expires_at: datetime, by: Actor) -> None:
    """Move the end of a key to a later moment. An expired key works again with its present text.

    Raises NotAllowed unless the actor holds all scopes of the key, and ValidationError for a key
    without an end, a moment that is past or not later, and one that the key policy does not allow.
    """
    policies.lock(key.team)
    now = timezone.now()
    locked = ApiKey.objects.kept().select_for_update().get(pk=key.pk)
    rights.check(key.team, by, locked.scopes)
    if locked.expires_at is None:
        raise ValidationError({"expires_at": "This key has no end, so none can be moved."})
    if expires_at <= now:
        raise ValidationError({"expires_at": "This moment is past. Choose a later one."})
    if expires_at <= locked.expires_at:
        raise ValidationError({"expires_at": "This is not later than the present end."})
    policies.check_end(key.team, expires_at, now, policies.text_made_at(locked))
    before = {"expires_at": locked.expires_at.isoformat()}
    key.expires_at = locked.expires_at = expires_at
    key.version = locked.version = locked.version + 1
    locked.save(update_fields=["expires_at", "version"])
    after = {"expires_at": expires_at.isoformat()}
    audit.record(key.team_id, "api_key.extend", by, keys.target(key), before=before, after=after)
