"""Password resets: ask for a link, answer requests, and redeem a link.

Only the worker looks whether the person exists, so that no reply of a page reveals it.
"""

from datetime import timedelta
from threading import Event

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.crypto import sealing
from accounts.limits import lock_outs
from accounts.limits.lock_outs import Attempt, Kind
from accounts.limits.too_many import TooMany
from accounts.mail import outbox
from accounts.models import LinkPurpose, LinkToken, ResetRequest, User
from accounts.outages import Unavailable
from accounts.permissions import Actor
from accounts.services import link_tokens, passwords, users

LINK_LIFETIME = timedelta(hours=1)
MAX_LINKS = 3  # mailed to one person in LINK_LIFETIME, whoever asks from wherever
AT_ONCE = 100  # requests that the worker answers in one go


class LinkClosed(Exception):
    """The link was used or replaced, has expired, or its person is gone."""


def ask(login: str, address: str) -> None:
    """Note that someone forgot the password of `login`, unless the network is over its limit."""
    try:
        lock_outs.begin(Attempt(Kind.RESET, login, address))
    except TooMany:
        return  # the page says the same to everyone
    request = ResetRequest()
    request.key_version, request.ciphertext = sealing.encrypt(login, request.place)
    request.save(force_insert=True)


def answer_all(stopping: Event) -> None:
    """Mail a link to everyone who asked. The worker calls it."""
    for request in ResetRequest.objects.order_by("asked_at")[:AT_ONCE]:
        if not stopping.is_set():
            _answer(request)


@transaction.atomic
def _answer(request: ResetRequest) -> None:
    is_mine, _ = ResetRequest.objects.filter(pk=request.pk).delete()
    user = _person(request)
    if not is_mine or user is None or _has_enough_links(user):
        return
    try:
        link = _new_link(user)
        outbox.queue("password_reset", user.email, {"username": user.username, "link": link})
    except ValidationError:
        return  # an address that takes no mail


@transaction.atomic
def new_link(login: str, by: Actor) -> str:
    """Create a link for a username or e-mail. Older links end. Raises LinkClosed."""
    user = users.find(login)
    if user is None or not user.is_active:
        raise LinkClosed
    link = _new_link(user)
    users.note(user, "user.reset_link", by)
    return link


def person_of(digest: str) -> User | None:
    """Return the person whose password a link of this digest can still set, or None."""
    usable = LinkToken.objects.filter(purpose=LinkPurpose.PASSWORD_RESET).usable(timezone.now())
    token = usable.filter(digest=digest).first() if digest else None
    return User.objects.filter(pk=token.bound_to, is_active=True).first() if token else None


def reset(digest: str, password: str, address: str) -> User:
    """Redeem the link and set a password that the form has checked. Raises LinkClosed."""
    user = person_of(digest)
    if user is None:
        raise LinkClosed
    user.set_password(password)  # the hash takes its time: outside the transaction
    with transaction.atomic():
        if not link_tokens.redeem(LinkPurpose.PASSWORD_RESET, digest):
            raise LinkClosed
        passwords.store(user, "user.reset_password", users.actor(user, address))
    return user


def _person(request: ResetRequest) -> User | None:
    if request.asked_at < timezone.now() - LINK_LIFETIME:
        return None  # nobody waits any longer
    try:
        login = sealing.decrypt(bytes(request.ciphertext), request.key_version, request.place)
    except Unavailable:
        return None  # its key is gone: it can never be answered
    user = users.find(login)
    return user if user and user.is_active else None


def _has_enough_links(user: User) -> bool:
    links = LinkToken.objects.filter(purpose=LinkPurpose.PASSWORD_RESET, bound_to=str(user.pk))
    return links.made_within(LINK_LIFETIME, timezone.now()).count() >= MAX_LINKS


def _new_link(user: User) -> str:
    token = link_tokens.issue(LinkPurpose.PASSWORD_RESET, LINK_LIFETIME, bound_to=str(user.pk))
    return outbox.link("password_reset_link", token)
