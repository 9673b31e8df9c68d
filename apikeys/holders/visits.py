"""Visits: open one with a key's text, ask the database about it at each request, end it.

Every text that opens no visit gets the same answer, after the same statements: a malformed or
unknown one, a publishable key's, and one of a key that is refused or comes from elsewhere.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from threading import Event

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.crypto import digests
from accounts.limits import lock_outs
from accounts.limits.lock_outs import Attempt, Kind
from accounts.worker import cleanup
from apikeys import credentials, resources
from apikeys.bearer import MAX_TOKEN_LENGTH, Carrier, Presented
from apikeys.credentials import Credential
from apikeys.models import KeySecret, KeyVisit
from apikeys.services import stored_secrets

LIFETIME = timedelta(minutes=15)
TOKEN_BYTES = 32
NOBODY = ""  # no secret has this public id
READ_WITH = ("key__team", "key__service_account", "key__contact")


class WrongText(Exception):
    """The text opens no visit. Nothing says why."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request of the holder's page comes from: its address, and its Origin headers."""

    address: str
    origins: tuple[str, ...] = ()


@sensitive_variables()
def begin(text: str, caller: Caller) -> str:
    """Open a visit with a key's text, and return the cookie's value.

    Wrong texts are counted by the network they come from. Raises WrongText and TooMany.
    """
    attempt = Attempt(Kind.KEY_TEXT, "", caller.address)
    lock_outs.begin(attempt)
    try:
        secret = _recognised(text, caller)
    except WrongText:
        raise
    except Exception:
        lock_outs.uncount(attempt)  # it could not be checked
        raise
    lock_outs.uncount(attempt)
    value = secrets.token_urlsafe(TOKEN_BYTES)
    now = timezone.now()
    KeyVisit.objects.create(
        key_secret=secret,
        digest=digests.link_token_digest(value),
        ends_at=now + LIFETIME,
        address=caller.address[:45],
    )
    return value


def find(value: str, caller: Caller) -> KeyVisit | None:
    """Return the visit of a cookie while its key is good and comes from where it may."""
    if not value:
        return None
    read_with = [f"key_secret__{name}" for name in READ_WITH]
    alive = KeyVisit.objects.alive(timezone.now()).select_related("key_secret", *read_with)
    visit = alive.filter(digest=digests.link_token_digest(value)).first()
    if visit is None:
        return None
    stored = stored_secrets.stored(visit.key_secret)
    credential = credentials.of_stored(Carrier.HEADER, stored, timezone.now())
    return visit if _may_enter(credential, caller) else None


def end(value: str) -> None:
    """End a visit. Copies of its cookie open nothing either."""
    KeyVisit.objects.filter(digest=digests.link_token_digest(value)).delete()


def delete_ended(stopping: Event) -> None:
    """Delete the visits that have ended. The worker calls it."""
    cleanup.delete_rows(KeyVisit.objects.filter(ends_at__lte=timezone.now()), stopping)


@sensitive_variables()
def _recognised(text: str, caller: Caller) -> KeySecret:
    presented = Presented(Carrier.HEADER, text if len(text) <= MAX_TOKEN_LENGTH else None)
    proof = credentials.read(presented)
    asked = KeySecret.objects.select_related(*READ_WITH)
    secret = asked.filter(public_id=proof.public_id if proof else NOBODY).first()
    stored = stored_secrets.stored(secret) if secret else None
    credential = credentials.judge(Carrier.HEADER, proof, stored, timezone.now())
    if secret is None or not _may_enter(credential, caller):
        raise WrongText
    renewal = credentials.renewal(credential, proof, stored) if stored else None
    if renewal is not None:
        stored_secrets.renew(secret.public_id, renewal)
    return secret


def _may_enter(credential: Credential, caller: Caller) -> bool:
    # Anyone can copy a publishable key from a web page.
    if credential.key_id is None or credential.is_publishable:
        return False
    return resources.registry().is_within_bounds(credential, caller.origins, caller.address)
