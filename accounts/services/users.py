"""Users: make a person with a checked password, and find one."""

from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.db.models import Q

from accounts import audit
from accounts.models import User
from accounts.permissions import Actor


@transaction.atomic
def create_operator(email: str, username: str, password: str, by: Actor) -> User:
    """Make the first owner's account, who also operates this installation.

    Raises ValidationError, by field, for what the rules of names and passwords refuse.
    """
    local, _, domain = email.rpartition("@")
    user = User(username=username, email=f"{local}@{domain.lower()}", is_operator=True)
    user.full_clean(exclude=["password"])
    validate_password(password, user)
    user.set_password(password)
    user.save()
    audit.record(
        audit.INSTALLATION,
        "user.create",
        by,
        audit.Target("user", str(user.pk), user.username),
        after={"username": user.username, "email": user.email, "is_operator": True},
    )
    return user


def find(login: str) -> User | None:
    """The person of this username or e-mail, in one statement. A username has no `@` in it."""
    return User.objects.filter(Q(username__iexact=login) | Q(email__iexact=login)).first()


def actor(user: User, address: str) -> Actor:
    """A person as the audit trail names them."""
    return Actor("person", str(user.pk), user.username, address)


def username_from_email(email: str) -> str:
    """A username made of an address's first half."""
    local = email.partition("@")[0]
    return "".join(c for c in local if c.isalnum() or c in "._-")[:64] or "owner"
