"""Publishable keys: what each must have, the web pages that may use it, and where it is pinned."""

from collections.abc import Callable, Mapping
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import audit
from accounts.network import origins
from accounts.permissions import Actor, Permission
from apikeys import resources
from apikeys.models import ApiKey
from apikeys.models.keys import Kind

SCOPES = [Permission.PREDICTIONS_CREATE.value]
NO_PIN = "Choose the one chatflow that the key opens."
NO_ORIGIN = "List at least one web page: from anywhere else a publishable key is refused."
NO_LIMIT = "Set a limit a minute or a day: a program can claim any origin, and only this holds it."


def check(key: ApiKey) -> None:
    """Check what the kind of a key asks for. Whoever writes one of these columns calls it before.

    Raises ValidationError with the field named.
    """
    if key.kind == Kind.SECRET:
        if key.pinned_to is not None:
            raise ValidationError({"pinned_to": "Only a publishable key is pinned to a chatflow."})
        return
    errors: dict[str, str] = {}
    if key.pinned_to is None:
        errors["pinned_to"] = NO_PIN
    if sorted(key.scopes) != SCOPES:
        errors["scopes"] = "A publishable key holds predictions:create and nothing else."
    if key.limit_minute is None and key.limit_day is None:
        errors["limit_minute"] = NO_LIMIT
    if not key.origins:
        errors["origins"] = NO_ORIGIN
    elif len(key.origins) > origins.MAX_LISTED:
        errors["origins"] = f"These are {len(key.origins)}. At most {origins.MAX_LISTED} fit."
    elif not all(map(_is_spelled_right, key.origins)):
        errors["origins"] = f"Write each web page as {origins.EXAMPLE}."
    if errors:
        raise ValidationError(errors)


def check_pin(key: ApiKey) -> None:
    """Check that the key is pinned to a chatflow of its team, if it is pinned.

    Raises ValidationError. It is not part of `check`: a chatflow that is deleted later leaves a key
    that opens nothing, and can be changed all the same.
    """
    if key.pinned_to is not None and resources.registry().find(key.team, key.pinned_to) is None:
        raise ValidationError({"pinned_to": NO_PIN})


def facts(key: ApiKey) -> dict[str, object]:
    """Return what the audit trail keeps of a publishable key, beside what it keeps of every key."""
    limits = {name: limit for name, limit in key.limits._asdict().items() if limit is not None}
    return {
        "kind": str(key.kind),
        "pinned_to": _name_of(key, key.pinned_to),
        "origins": list(key.origins),
        "limits": limits,
    }


@transaction.atomic
def add_origin(key: ApiKey, text: str, by: Actor) -> str:
    """Let the pages of one more origin use the key. Return the origin in its one spelling.

    Raises ValidationError for what is no origin, and for one too many.
    """
    try:
        origin = origins.origin(text.strip())
    except ValueError as error:
        raise ValidationError({"origins": _sentence(str(error))}) from None
    if _change_origins(key, lambda listed: [*listed, origin] if origin not in listed else listed):
        _record(key, "api_key.add_origin", by, after={"origin": origin})
    return origin


@transaction.atomic
def remove_origin(key: ApiKey, origin: str, by: Actor) -> None:
    """Refuse the pages of an origin from the next call on.

    Raises ValidationError for the last one: without any, every web page would be refused.
    """
    if _change_origins(key, lambda listed: [each for each in listed if each != origin]):
        _record(key, "api_key.remove_origin", by, before={"origin": origin})


@transaction.atomic
def pin(key: ApiKey, resource_id: UUID, by: Actor) -> None:
    """Pin a publishable key to another chatflow of its team. From the next call on it opens that.

    The caller has checked that `by` may choose who opens the chatflow. Raises ValidationError for a
    chatflow that is gone or of another team, and for a secret key.
    """
    locked = ApiKey.objects.select_for_update(no_key=True).get(pk=key.pk)
    was_pinned_to, locked.pinned_to = locked.pinned_to, resource_id
    check(locked)
    check_pin(locked)
    if was_pinned_to != resource_id:
        locked.version += 1
        locked.save(update_fields=["pinned_to", "version"])
        before = {"pinned_to": _name_of(locked, was_pinned_to)}
        after = {"pinned_to": _name_of(locked, resource_id)}
        _record(locked, "api_key.pin", by, before=before, after=after)
    resources.registry().open_only(locked, resource_id, by)
    key.refresh_from_db()


def _change_origins(key: ApiKey, change: Callable[[list[str]], list[str]]) -> bool:
    """Change the origins of the row as it stands. Return whether that changed anything."""
    locked = ApiKey.objects.select_for_update(no_key=True).get(pk=key.pk)
    if not locked.is_publishable:
        raise ValidationError(
            {"origins": "Change where a secret key may come from on its own page."}
        )
    before, locked.origins = locked.origins, change(locked.origins)
    if locked.origins == before:
        return False
    check(locked)
    locked.version += 1
    locked.save(update_fields=["origins", "version"])
    key.refresh_from_db()
    return True


def _record(
    key: ApiKey,
    action: str,
    by: Actor,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    target = audit.Target("api_key", str(key.id), key.name)
    audit.record(key.team_id, action, by, target, before=before, after=after)


def _name_of(key: ApiKey, resource_id: UUID | None) -> str:
    """Return the name of a chatflow of the key's team, or its id once it is deleted."""
    found = resources.registry().find(key.team, resource_id) if resource_id is not None else None
    return found.name if found is not None else str(resource_id)


def _is_spelled_right(text: object) -> bool:
    try:
        return isinstance(text, str) and origins.origin(text) == text
    except ValueError:
        return False


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
