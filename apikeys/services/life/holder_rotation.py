"""Rotation by whoever holds a key, where the team's policy allows it, and its undo by a link.

The new text is of the same key, so it opens nothing that the old one did not. A thief of the text
can do no more than that: the old text works for a day more, and the mailed link ends the new one.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts import audit
from accounts.mail import outbox
from accounts.models import LinkPurpose, LinkToken, names
from accounts.permissions import Actor
from accounts.services import link_tokens
from apikeys.models import ApiKey, KeySecret, Kind
from apikeys.services import keys, recipients
from apikeys.services.life import policies, rotation

OVERLAP = timedelta(hours=24)
ONCE_IN = timedelta(hours=24)
UNDONE_WITHIN = timedelta(hours=24)  # afterwards there is no old text to go back to
KIND = "key_holder_rotation"


class NotNow(Exception):
    """The holder can't rotate the key. The message says why, in words for the page."""


class Closed(Exception):
    """The link undoes nothing any more."""


@dataclass(frozen=True, slots=True)
class Undo:
    """What a link of a mail undoes: a key's new text, beside the one that it came from."""

    key: ApiKey
    new: KeySecret
    old: KeySecret


def why_not(key: ApiKey, secret: KeySecret) -> str:
    """Return why the holder of this secret can't rotate the key now, or an empty text."""
    now = timezone.now()
    policy = policies.of(key.team)
    if not policy.holders_may_rotate:
        return "The team changes the text of its keys itself."
    if policies.longest_overlap(key.team) < OVERLAP:
        return "The team lets no two texts work for a day, so only the team can change this one."
    if not outbox.is_configured() or not recipients.of_key(key):
        return "No mail could tell the team of it, so only the team can change the text."
    made = LinkToken.objects.filter(purpose=LinkPurpose.KEY_UNDO, bound_to__startswith=str(key.pk))
    if made.made_within(ONCE_IN, now).exists():
        return "The text was changed in the last 24 hours. Try again tomorrow."
    live = list(KeySecret.objects.live(now).filter(key=key).values_list("pk", "ends_at"))
    if live != [(secret.pk, None)]:  # whoever set the end of a text means it
        return "This text has an end already, or a second one works. Ask the team."
    return ""


@transaction.atomic
def rotate(key: ApiKey, secret: KeySecret, address: str) -> str:
    """Create a new text beside the one of `secret`, and return it. The old one works a day more.

    Mails the contact and the admins a link that undoes it. Raises NotNow.
    """
    policies.lock(key.team)
    now = timezone.now()
    live = rotation.lock_secrets(key, now)
    if said := why_not(key, secret):
        raise NotNow(said)
    if not _is_good(key):
        raise NotNow("The key is not good any more.")
    (old,) = live
    rotation.set_end(old, now, OVERLAP, when_silent=False)
    made = keys.make_secret(key, None)
    by = Actor("key", str(key.pk), key.name, address)
    after = {"public_id": made.public_id, **rotation.ending_facts(live, now)}
    audit.record(key.team_id, "api_key.rotate_by_holder", by, keys.target(key), after=after)
    _mail(key, old.public_id, made.public_id, address)
    return made.text


def find(digest: str) -> Undo | None:
    """Return what a link still undoes, or None. Changes nothing."""
    if not link_tokens.is_usable(LinkPurpose.KEY_UNDO, digest):
        return None
    bound_to = LinkToken.objects.get(purpose=LinkPurpose.KEY_UNDO, digest=digest).bound_to
    key_id, new_id, old_id = bound_to.split(":")
    live = KeySecret.objects.live(timezone.now()).filter(
        key=UUID(key_id), key__deleted_at=None, key__team__suspended_at=None
    )
    found = {each.public_id: each for each in live.select_related("key__team")}
    if new_id not in found or old_id not in found:
        return None
    return Undo(found[new_id].key, found[new_id], found[old_id])


@transaction.atomic
def undo(digest: str, address: str) -> Undo:
    """End the new text, and let the old one work without end again. Raises Closed.

    An end that the team set in the meantime stays.
    """
    asked = find(digest)
    if asked is None:
        raise Closed
    policies.lock(asked.key.team)
    try:
        rotation.lock_secrets(asked.key, timezone.now())
    except ApiKey.DoesNotExist:
        raise Closed from None
    found = find(digest)  # once more under the locks
    if found is None or not link_tokens.redeem(LinkPurpose.KEY_UNDO, digest):
        raise Closed
    KeySecret.objects.filter(pk=found.new.pk).end(timezone.now())
    after: dict[str, object] = {"public_id": found.new.public_id}
    if _is_ours(found):
        old = found.old
        old.ends_at = old.ending_since = None
        old.save(update_fields=["ends_at", "ending_since"])
    by = Actor("system", "key_undo", "whoever opened the link of the mail", address)
    audit.record(
        found.key.team_id, "api_key.undo_rotation", by, keys.target(found.key), after=after
    )
    return found


def _is_ours(found: Undo) -> bool:
    """Whether nobody set an earlier end, or one of both texts, since the holder's rotation."""
    old = found.old
    if old.ends_at is None or old.ending_since is None or old.ends_when_silent:
        return False
    return found.new.ends_at is None and old.ends_at >= old.ending_since + OVERLAP


def _is_good(key: ApiKey) -> bool:
    """Whether the key works, read anew."""
    return ApiKey.objects.usable().filter(pk=key.pk).exclude(kind=Kind.PUBLISHABLE).exists()


def _mail(key: ApiKey, old_id: str, new_id: str, address: str) -> None:
    bound_to = f"{key.pk}:{new_id}:{old_id}"
    token = link_tokens.issue(LinkPurpose.KEY_UNDO, UNDONE_WITHIN, bound_to=bound_to)
    context = {
        "team_name": names.unlinked(key.team.name),
        "key_name": names.unlinked(key.name),
        "address": names.unlinked(address),
        "link": settings.PUBLIC_URL + reverse("key_undo_link", args=[token]),
        "expires_at": timezone.now() + UNDONE_WITHIN,
    }
    recipients.tell(KIND, recipients.of_key(key), context, key.team)
