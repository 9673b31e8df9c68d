"""Contacts of keys: an address outside the team confirms by a link that it wants the mails.

Until it has confirmed, the address gets nothing but that link.
"""

from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts import audit
from accounts.limits.too_many import TooMany
from accounts.mail import outbox
from accounts.models import LinkPurpose, LinkToken, Mail, names
from accounts.permissions import Actor
from accounts.services import link_tokens, members
from apikeys.models import ApiKey
from apikeys.services import keys

LIFETIME = timedelta(days=7)
WINDOW = timedelta(days=1)
PER_ADDRESS, PER_TEAM = 5, 50  # links in a window
KIND = "key_contact"


class Closed(Exception):
    """The link confirms nothing any more."""


def ask_anew(key: ApiKey, by: Actor) -> None:
    """End the link of the old address, and send one to the new address if there is one.

    Call it in the transaction of the change, under the team's lock. Raises TooMany, and
    ValidationError if no mail server is set.
    """
    link_tokens.revoke(LinkPurpose.KEY_CONTACT, str(key.pk))
    if key.contact_email:
        _send(key, by)


@transaction.atomic
def resend(key: ApiKey, by: Actor) -> None:
    """Send a new link; the old one ends. Raises Closed if no address waits, and TooMany."""
    members.lock(key.team)  # links are counted one after another
    locked = _locked(key)
    if not locked.contact_email or locked.contact_confirmed_at or locked.deleted_at:
        raise Closed
    _send(locked, by)
    audit.record(
        locked.team_id,
        "api_key.ask_contact",
        by,
        keys.target(locked),
        after={"contact": locked.contact_email},
    )


def find(digest: str) -> ApiKey | None:
    """Return the key whose contact a link still confirms, or None. Changes nothing."""
    if not link_tokens.is_usable(LinkPurpose.KEY_CONTACT, digest):
        return None
    link = LinkToken.objects.get(purpose=LinkPurpose.KEY_CONTACT, digest=digest)
    waiting = ApiKey.objects.kept().filter(
        contact_confirmed_at=None, team__suspended_at=None, pk=link.bound_to
    )
    return waiting.exclude(contact_email="").select_related("team").first()


@transaction.atomic
def confirm(digest: str, address: str) -> ApiKey:
    """Redeem the link: from now on the address gets the mails about its key.

    `address` is the network address of whoever confirms. Raises Closed.
    """
    found = find(digest)
    if found is None:
        raise Closed
    key = _locked(found)
    # Looked up again under the lock: the address may have been changed, which ends the link.
    if find(digest) is None or not link_tokens.redeem(LinkPurpose.KEY_CONTACT, digest):
        raise Closed
    key.contact_confirmed_at = timezone.now()
    key.save(update_fields=["contact_confirmed_at"])
    by = Actor("system", "key_contact", f"contact {key.contact_email}", address)
    audit.record(key.team_id, "api_key.confirm_contact", by, keys.target(key))
    return key


def _send(key: ApiKey, by: Actor) -> None:
    if not outbox.is_configured():
        words = "Flowlatch sends no mail here, so it can't confirm an address. Choose a member."
        raise ValidationError({"contact_email": words})
    _check_rate(key)
    token = link_tokens.issue(LinkPurpose.KEY_CONTACT, LIFETIME, bound_to=str(key.pk))
    context = {
        "team_name": names.unlinked(key.team.name),
        "key_name": names.unlinked(key.name),
        "asker": names.unlinked(by.name),
        "link": settings.PUBLIC_URL + reverse("key_contact_link", args=[token]),
        "expires_at": timezone.now() + LIFETIME,
    }
    outbox.queue(KIND, key.contact_email, context, team=key.team)


def _check_rate(key: ApiKey) -> None:
    sent = Mail.objects.made_within(WINDOW, timezone.now()).filter(kind=KIND)
    if sent.filter(recipient__iexact=key.contact_email).count() >= PER_ADDRESS:
        raise TooMany(WINDOW, f"An address gets at most {PER_ADDRESS} links a day. Try tomorrow.")
    if sent.filter(team=key.team).count() >= PER_TEAM:
        raise TooMany(WINDOW, f"A team can send {PER_TEAM} such links a day. Try tomorrow.")


def _locked(key: ApiKey) -> ApiKey:
    rows = ApiKey.objects.select_for_update(of=("self",), no_key=True).select_related("team")
    return rows.get(pk=key.pk)
