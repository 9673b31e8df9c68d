"""Users: make a person with a checked password, find one, and note what happened to one."""

from collections.abc import Sequence
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts import audit
from accounts.login import password_rules
from accounts.models import Team, User
from accounts.permissions import Actor


def create_operator(email: str, username: str, password: str, by: Actor) -> User:
    """Make the account of the first owner, who also operates this installation.

    Raises ValidationError, by field, for what the rules of names and passwords refuse.
    """
    local, _, domain = email.rpartition("@")
    return create(f"{local}@{domain.lower()}", username, password, by, is_operator=True)


def create(
    email: str, username: str, password: str, by: Actor, *, is_operator: bool = False
) -> User:
    """Make a person's account. Raises ValidationError as `create_operator`."""
    return add(prepare(User(username=username, email=email, is_operator=is_operator), password), by)


def prepare(user: User, password: str, *, avoid: Sequence[str] = ()) -> User:
    """Check a new person and the password, set the hash, and store nothing yet.

    Call it before the transaction, because hashing takes time. `avoid` are more words that the
    password must not be close to. Raises ValidationError as `create_operator`.
    """
    _check(user)
    password_rules.check(password, user, avoid)
    user.set_password(password)
    return user


@transaction.atomic
def add(user: User, by: Actor) -> User:
    """Store a person that `prepare` checked. Raises ValidationError for a name taken meanwhile."""
    _save(user)
    after = {"username": user.username, "email": user.email, "is_operator": user.is_operator}
    target = audit.Target("user", str(user.pk), user.username)
    audit.record(audit.INSTALLATION, "user.create", by, target, after=after)
    return user


def find(login: str) -> User | None:
    """Return the person of this username or e-mail, by one statement. No username has an `@`."""
    return User.objects.filter(Q(username__iexact=login) | Q(email__iexact=login)).first()


def actor(user: User, address: str) -> Actor:
    """Return a person as the audit trail names them."""
    return Actor("person", str(user.pk), user.username, address)


def _check(user: User) -> None:
    user.clean_fields(exclude=["password"])
    if User.objects.filter(username__iexact=user.username).exists():
        raise ValidationError({"username": f"{user.username} is taken. Choose another."})
    if User.objects.filter(email__iexact=user.email).exists():
        raise ValidationError({"email": "This address has an account."})


def _save(user: User) -> None:
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:  # somebody took the name or the address since it was checked
        _check(user)
        raise


def note_team(user: User, team: Team) -> None:
    """Note whose pages a person opened last. Writes only if it is another team than before."""
    if user.last_team_id != team.pk:
        User.objects.filter(pk=user.pk).update(last_team=team)


@transaction.atomic
def set_operator(user: User, is_operator: bool, by: Actor) -> None:
    """Make a person an operator of this installation, or no longer."""
    if user.is_operator == is_operator:
        return
    user.is_operator = is_operator
    user.save(update_fields=["is_operator"])
    audit.record(
        audit.INSTALLATION,
        "user.set_operator",
        by,
        audit.Target("user", str(user.pk), user.username),
        before={"is_operator": not is_operator},
        after={"is_operator": is_operator},
    )


def note(user: User, action: str, by: Actor, *, before: audit.Facts | None = None) -> None:
    """Record in the trail of each of the person's teams what happened to the account."""
    target = audit.Target("user", str(user.pk), user.username)
    for chain_id in chains(user):
        audit.record(chain_id, action, by, target, before=before)


def chains(user: User) -> list[UUID]:
    """Return the trails of a person's teams, or the installation's for one without a team."""
    teams = Team.objects.filter(memberships__user=user)
    mine: list[UUID] = list(teams.order_by("pk").values_list("pk", flat=True))
    return mine or [audit.INSTALLATION]  # in one order: each locks a chain's head


def username_from_email(email: str) -> str:
    """Return a username made of an address's local part."""
    local = email.partition("@")[0]
    return "".join(c for c in local if c.isalnum() or c in "._-")[:64] or "owner"
