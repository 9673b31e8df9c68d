"""Publishable keys: their text, what each must have, their web pages, and where each is pinned."""

from collections.abc import Callable, Mapping
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.crypto import sealing
from accounts.network import origins
from accounts.permissions import Actor, Permission
from accounts.services.key_ring.rows import Sealed
from accounts.services.versions import Stale
from apikeys import resources
from apikeys.models import ApiKey, KeySecret, Kind
from apikeys.resources import Resource

SCOPES = [Permission.PREDICTIONS_CREATE.value]
NO_PIN = "Choose the one chatflow that the key opens."
NO_ORIGIN = "List at least one web page: from anywhere else a publishable key is refused."
NO_LIMIT = "Set a limit a minute or a day: a program can claim any origin, and only this holds it."


def seal(secret: KeySecret, text: str) -> None:
    """Put the text into the row of its secret, encrypted. The caller saves the row."""
    assert secret.key.is_publishable  # the text of a secret key is stored nowhere
    secret.key_version, secret.ciphertext = sealing.encrypt(text, _place(secret))


def texts(key: ApiKey) -> list[str]:
    """Return the texts of a publishable key that work now, the newest first.

    Raises Unavailable if the ring lacks the key that they were encrypted with.
    """
    live = KeySecret.objects.live(timezone.now()).filter(key=key).exclude(ciphertext=None)
    return [_text(secret) for secret in live.select_related("key").order_by("-pk")]


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


def pinned_to(key: ApiKey) -> Resource | None:
    """Return the chatflow that the key is pinned to, or None once it is deleted."""
    return _find(key, key.pinned_to)


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
def pin(key: ApiKey, resource_id: UUID, by: Actor, *, seen: UUID | None = None) -> None:
    """Pin a publishable key to another chatflow of its team. From the next call on it opens that.

    The caller has checked that `by` may choose who opens the chatflow. Raises ValidationError for a
    chatflow that is gone or of another team, and for a secret key. With `seen`, Stale is raised for
    a key that is pinned to another chatflow than that.
    """
    locked = ApiKey.objects.select_for_update(no_key=True).get(pk=key.pk)
    if seen is not None and locked.pinned_to != seen:
        raise Stale
    was_pinned_to, locked.pinned_to = locked.pinned_to, resource_id
    check(locked)
    found = pinned_to(locked)
    if found is None:
        raise ValidationError({"pinned_to": NO_PIN})
    if was_pinned_to != resource_id:
        locked.version += 1
        locked.save(update_fields=["pinned_to", "version"])
        resources.registry().hold(
            locked.team, [each for each in (resource_id, was_pinned_to) if each]
        )
        was = _find(locked, was_pinned_to)
        # A deleted chatflow is named by its id.
        before = {"pinned_to": was.name if was is not None else str(was_pinned_to)}
        after = {"pinned_to": found.name}
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


def _find(key: ApiKey, resource_id: UUID | None) -> Resource | None:
    ids = [resource_id] if resource_id is not None else []
    return next(iter(resources.registry().by_ids(key.team, ids)), None)


def _is_spelled_right(text: object) -> bool:
    try:
        return isinstance(text, str) and origins.origin(text) == text
    except ValueError:
        return False


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _text(secret: KeySecret) -> str:
    assert secret.ciphertext is not None
    assert secret.key_version is not None
    return sealing.decrypt(bytes(secret.ciphertext), secret.key_version, _place(secret))


def _place(secret: KeySecret) -> tuple[str, ...]:
    """Return the place that the ciphertext is bound to: its row, key and team."""
    return "key_text", secret.public_id, str(secret.key_id), str(secret.key.team_id)


SEALED = Sealed(
    "texts of publishable keys",
    lambda: KeySecret.objects.exclude(key_version=None).select_related("key"),
    _place,
)
