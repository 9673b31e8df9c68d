"""Passwords: set a new one. All sessions end, each team's trail notes it, and a mail goes out."""

from contextlib import suppress
from typing import Literal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.mail import outbox
from accounts.models import LinkPurpose, User
from accounts.permissions import Actor
from accounts.services import link_tokens, sessions, users


def change(user: User, password: str, by: Actor) -> None:
    """Set a password that the form has checked, for a person who gave the old one."""
    user.set_password(password)  # the hash takes its time: outside the transaction
    with transaction.atomic():
        store(user, "user.change_password", by)


def store(
    user: User, action: Literal["user.change_password", "user.reset_password"], by: Actor
) -> None:
    """Save the hash that `user` carries, with everything that follows. Needs a transaction.

    Every session of the person ends, on every process. The view may begin a new one.
    """
    user.save(update_fields=["password"])
    sessions.end_all(user)
    for purpose in (LinkPurpose.PASSWORD_RESET, LinkPurpose.EMAIL):
        link_tokens.revoke(purpose, str(user.pk))
    notice = {"username": user.username, "at": timezone.now()}
    with suppress(ValidationError):  # an address that takes no mail stops no change
        outbox.queue("password_changed", user.email, notice)
    users.note(user, action, by)
