"""Members: join, change role, remove, leave, hand over. A team always keeps one owner.

Each change locks the team's row first, and then reads what its actor may do: of two owners who
demote each other at once, the second is no longer an owner when its turn comes.
"""

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts import audit, held_keys
from accounts.models import Membership, Role, Team, User
from accounts.permissions import ROLE_PERMISSIONS, Actor, Permission
from accounts.services import sessions, versions
from accounts.signals import membership_changed


class NotAllowed(PermissionDenied):
    """The actor's role in the team does not allow this, or no longer. Answer 403."""


class LastOwner(Exception):
    """The team would be left without an owner."""


class CannotLogIn(Exception):
    """The person who should own the team can't log in."""


def lock(team: Team) -> Team:
    """Lock the team's row and return it. Its members then change in one transaction at a time."""
    return Team.objects.select_for_update(no_key=True).get(pk=team.pk)


def role_of(team: Team, by: Actor, permission: Permission) -> Role:
    """Return the actor's role now. Raises NotAllowed without the permission.

    Commands and the system act as owners: whoever runs them controls the server. A key reaches as
    far as an editor, with the scopes that it has: it never invites whoever could raise others.
    """
    if by.kind == "key" and permission in permissions_of(team, by):
        return Role.EDITOR
    role = _role(team, by)
    if role is None or permission not in ROLE_PERMISSIONS[role]:
        raise NotAllowed
    return role


def permissions_of(team: Team, by: Actor) -> frozenset[Permission]:
    """Return what the actor may do in the team now. Commands and the system act as owners.

    A key may do what its scopes say, while it works.
    """
    if by.kind == "key":
        return held_keys.registry().permissions_of(team, by.id)
    role = _role(team, by)
    return ROLE_PERMISSIONS[role] if role else frozenset()


def named(team: Team, username: str) -> User | None:
    """Return the active member of a username, or None."""
    active = User.objects.filter(memberships__team=team, is_active=True)
    return active.filter(username__iexact=username).first()


def has_owner(team: Team) -> bool:
    """Whether anybody owns the team."""
    return Membership.objects.filter(team=team, role=Role.OWNER).exists()


def may(team: Team, user: User, permission: Permission) -> bool:
    """Whether a person has a permission in the team now. Nobody has one in a suspended team."""
    roles = [role for role, granted in ROLE_PERMISSIONS.items() if permission in granted]
    here = Membership.objects.filter(team=team, team__suspended_at=None, user=user)
    return here.filter(user__is_active=True, role__in=roles).exists()


@transaction.atomic
def add(team: Team, user: User, role: Role, by: Actor) -> Membership:
    """Make a person a member. A present member keeps their role."""
    membership, is_new = Membership.objects.get_or_create(
        team=team, user=user, defaults={"role": role}
    )
    if is_new:
        is_self = by.kind == "person" and by.id == str(user.pk)
        action = "membership.join" if is_self else "membership.create"
        _record(membership, action, by, after={"role": role.value})
    return membership


def version_of(membership: Membership) -> str:
    """Return the version of a member's role."""
    return versions.of({"role": str(membership.role)})


@transaction.atomic
def change_role(
    membership: Membership, role: Role, by: Actor, *, version: str | None = None
) -> None:
    """Give a member another role. It holds from the next request on.

    Raises NotAllowed if the actor's role is below the old or the new one, Stale if `version` is an
    older one, and LastOwner.
    """
    team = lock(membership.team)
    member = Membership.objects.select_related("user").get(pk=membership.pk, team=team)
    old = Role(member.role)
    own = role_of(team, by, Permission.MEMBERS_UPDATE)
    if not (own.reaches(old) and own.reaches(role)):
        raise NotAllowed
    versions.check(version, {"role": old.value})
    if old == role:
        return
    _keep_an_owner(member)
    _set_role(member, role, by)


@transaction.atomic
def remove(membership: Membership, by: Actor) -> None:
    """End a person's membership. To the team's pages, the next request is a stranger's.

    If it was the person's last membership, all their sessions end too, on every process. Raises
    NotAllowed if the actor's role is below the member's, and LastOwner.
    """
    team = lock(membership.team)
    member = Membership.objects.select_related("user").get(pk=membership.pk, team=team)
    if not role_of(team, by, Permission.MEMBERS_DELETE).reaches(Role(member.role)):
        raise NotAllowed
    _end(member, "membership.delete", by)


@transaction.atomic
def leave(team: Team, user: User, by: Actor) -> bool:
    """End one's own membership. Return False if it was the last one, which ends all sessions.

    Raises LastOwner.
    """
    member = Membership.objects.select_related("user").get(team=lock(team), user=user)
    return _end(member, "membership.leave", by)


@transaction.atomic
def hand_over(team: Team, to: Membership, by: Actor) -> None:
    """Make another member the owner instead of the actor, who stays as an admin.

    Raises NotAllowed if the actor is no owner or is that member, and CannotLogIn.
    """
    team = lock(team)
    role_of(team, by, Permission.TEAM_TRANSFER)
    heir = Membership.objects.select_related("user").get(pk=to.pk, team=team)
    own = Membership.objects.select_related("user").get(team=team, user_id=by.id)
    if heir == own:
        raise NotAllowed
    if not heir.user.is_active:
        raise CannotLogIn
    if heir.role != Role.OWNER:
        _set_role(heir, Role.OWNER, by)
    _set_role(own, Role.ADMIN, by)
    audit.record(
        team.id,
        "team.transfer",
        by,
        audit.Target("team", str(team.id), team.name),
        before={"owner": own.user.username},
        after={"owner": heir.user.username},
    )


def _role(team: Team, by: Actor) -> Role | None:
    if by.kind in ("command", "system"):
        return Role.OWNER
    if by.kind != "person":  # a key has no role
        return None
    own = Membership.objects.filter(team=team, user_id=by.id, user__is_active=True)
    role = own.values_list("role", flat=True).first()
    return Role(role) if role else None


def _end(member: Membership, action: str, by: Actor) -> bool:
    _keep_an_owner(member)
    _record(member, action, by, before={"role": member.role})
    member.delete()
    has_others = Membership.objects.filter(user=member.user).exists()
    if not has_others:
        sessions.end_all(member.user)
    membership_changed.send(Membership, team=member.team, user=member.user, role=None, by=by)
    return has_others


def _set_role(member: Membership, role: Role, by: Actor) -> None:
    before = {"role": member.role}
    member.role = role
    member.save(update_fields=["role"])
    _record(member, "membership.update", by, before=before, after={"role": role.value})
    membership_changed.send(Membership, team=member.team, user=member.user, role=role, by=by)


def _keep_an_owner(member: Membership) -> None:
    # One who can't log in is no owner to count on.
    others = Membership.objects.filter(
        team_id=member.team_id, role=Role.OWNER, user__is_active=True
    ).exclude(pk=member.pk)
    if member.role == Role.OWNER and not others.exists():
        raise LastOwner


def _record(
    member: Membership,
    action: str,
    by: Actor,
    *,
    before: audit.Facts | None = None,
    after: audit.Facts | None = None,
) -> None:
    target = audit.Target("membership", str(member.pk), member.user.username)
    audit.record(member.team_id, action, by, target, before=before, after=after)
