"""Profiles: what a person changes of their own account but the password."""

from contextlib import suppress
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import audit
from accounts.limits.too_many import TooMany
from accounts.mail import outbox
from accounts.models import AuditEvent, AuditHead, LinkPurpose, LinkToken, User
from accounts.permissions import Actor
from accounts.services import link_tokens, users

LINK_LIFETIME = timedelta(hours=1)
WINDOW = timedelta(days=1)
MAX_LINKS = 5  # in a window
ACTIVITY = 20  # events
LOOKED_AT = 5000  # of the newest events of each trail


class Closed(Exception):
    """The link was used or replaced, has expired, or its person is gone."""


def set_looks(user: User, theme: str, time_zone: str) -> None:
    """Set the colours and the time zone of pages. Both are checked by the form."""
    user.theme, user.time_zone = theme, time_zone
    user.save(update_fields=["theme", "time_zone"])


@transaction.atomic
def rename(user: User, username: str, by: Actor) -> None:
    """Change the name that a person logs in with. Raises ValidationError for one that is taken."""
    before = User.objects.get(pk=user.pk).username
    if username == before:
        return
    user.username = username
    user.clean_fields(exclude=["password"])
    try:
        with transaction.atomic():
            user.save(update_fields=["username"])
    except IntegrityError:
        raise ValidationError({"username": f"{username} is taken. Choose another."}) from None
    users.note(user, "user.rename", by, before={"username": before})


@transaction.atomic
def ask_email(user: User, email: str, by: Actor) -> None:
    """Send a link to a new address, which counts once the link was used. Older links end.

    Whether the address has an account is told to its reader alone, who opens the link. Raises
    ValidationError for what is no address or without a mail server, and TooMany.
    """
    if not outbox.is_configured():
        words = "Flowlatch sends no mail here, so it can't confirm an address."
        raise ValidationError({"email": words})
    try:
        outbox.check_address(email)
    except ValidationError as error:
        raise ValidationError({"email": error.messages}) from None
    asked = LinkToken.objects.filter(purpose=LinkPurpose.EMAIL, bound_to=str(user.pk))
    if asked.made_within(WINDOW, timezone.now()).count() >= MAX_LINKS:
        raise TooMany(WINDOW, f"You can ask for {MAX_LINKS} links a day. Try tomorrow.")
    User.objects.filter(pk=user.pk).update(new_email=email)
    token = link_tokens.issue(LinkPurpose.EMAIL, LINK_LIFETIME, bound_to=str(user.pk))
    link = outbox.link("email_link", token)
    outbox.queue("email_change", email, {"username": user.username, "link": link})
    users.note(user, "user.ask_email", by)


def find(digest: str) -> User | None:
    """Return the person whose new address a link still confirms, or None. Changes nothing."""
    usable = LinkToken.objects.filter(purpose=LinkPurpose.EMAIL).usable(timezone.now())
    token = usable.filter(digest=digest).first() if digest else None
    if token is None:
        return None
    waiting = User.objects.filter(pk=token.bound_to, is_active=True)
    return waiting.exclude(new_email="").first()


def confirm_email(digest: str, address: str) -> User:
    """Redeem a link: the account has the new address, and the old one is told.

    `address` is the network address of whoever confirms. Raises Closed, and ValidationError if
    another account has the address: then the link is used up too.
    """
    user = find(digest)
    if user is None or not link_tokens.redeem(LinkPurpose.EMAIL, digest):
        raise Closed
    old, email = user.email, user.new_email
    try:
        with transaction.atomic():
            user.email, user.new_email, user.email_verified_at = email, "", timezone.now()
            user.save(update_fields=["email", "new_email", "email_verified_at"])
            # A link that lies in the old mailbox would set a new password.
            link_tokens.revoke(LinkPurpose.PASSWORD_RESET, str(user.pk))
            told = {"username": user.username, "at": timezone.now()}
            with suppress(ValidationError):  # an old address that takes no mail stops no change
                outbox.queue("email_changed", old, told)
            users.note(user, "user.change_email", users.actor(user, address))
    except IntegrityError:
        raise ValidationError("This address has an account.") from None
    return user


def activity(user: User) -> list[AuditEvent]:
    """Return what the person did lately in teams that they are in, the newest first."""
    ends = AuditHead.objects.filter(team_id__in=users.chains(user))
    newest = Q(pk=None)
    for end in ends.exclude(team_id=audit.INSTALLATION):
        newest |= Q(team_id=end.team_id, sequence__gt=end.sequence - LOOKED_AT)
    mine = AuditEvent.objects.filter(newest, actor_kind="person", actor_id=str(user.pk))
    return list(mine.order_by("-at", "-sequence")[:ACTIVITY])
