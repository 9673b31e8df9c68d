"""Sessions: note their use, list them, end them. An ended session is gone for the next request."""

import re

from django.db import transaction
from django.utils import timezone

from accounts.login import devices
from accounts.login.session_store import digest_of
from accounts.models import Session, User
from accounts.permissions import Actor
from accounts.services import users

DIGEST = re.compile("[0-9a-f]{64}")


def note_use(key: str, address: str, user_agent: str) -> None:
    """Note when and from where a session was used last."""
    Session.objects.filter(session_key=digest_of(key)).update(
        last_used_at=timezone.now(), address=address, device=devices.name_of(user_agent)
    )


def of(user: User) -> list[Session]:
    """Return the open sessions of a person, the last used first."""
    return list(Session.objects.of(user, timezone.now()))


def is_open(user: User, digest: str) -> bool:
    """Whether the session of this digest is open and belongs to the person."""
    return Session.objects.of(user, timezone.now()).filter(session_key=digest).exists()


@transaction.atomic
def end(user: User, digest: str, by: Actor) -> bool:
    """End one session of a person. Return False if there is none of this digest."""
    if not DIGEST.fullmatch(digest):  # no database takes a NUL
        return False
    mine = Session.objects.filter(user=user, session_key=digest)
    device = mine.values_list("device", flat=True).first()
    count, _ = mine.delete()
    if count == 0:
        return False
    users.note(user, "user.end_session", by, before={"device": device})
    return True


@transaction.atomic
def end_others(user: User, key: str, by: Actor) -> None:
    """End all sessions of a person except the one with this key."""
    others = Session.objects.filter(user=user).exclude(session_key=digest_of(key))
    count, _ = others.delete()
    if count:
        users.note(user, "user.end_sessions", by, before={"devices": count})


def end_all(user: User) -> None:
    """End every session of a person."""
    Session.objects.filter(user=user).delete()
