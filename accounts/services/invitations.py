"""Invitations: invite, resend, withdraw, accept. Whoever made the newest link vouches for it.

Each change locks the team's row first (see members), so that simultaneous changes run one after
another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts import audit, held_keys
from accounts.crypto import digests
from accounts.limits import invitation_limits
from accounts.mail import addresses as emails
from accounts.mail import outbox
from accounts.models import (
    Invitation,
    LinkPurpose,
    LinkToken,
    Membership,
    Role,
    Team,
    User,
    names,
)
from accounts.permissions import INVITED_BY_KEYS, ROLE_PERMISSIONS, Actor, Permission
from accounts.services import link_tokens, members, users
from accounts.services.members import NotAllowed


class Closed(Exception):
    """The invitation no longer lets anybody in."""


class OfAnother(Exception):
    """The invitation is for another address than the account's."""


class HasOwner(Exception):
    """The team has an owner: its people invite, and no operator does."""


class IsMember(Exception):
    """The person behind this address is in the team already."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An invitation with its link, which is shown once and kept nowhere."""

    invitation: Invitation
    link: str

    def __repr__(self) -> str:
        return f"Sent({self.invitation})"


@transaction.atomic
def invite(team: Team, addresses: Sequence[str], role: Role, by: Actor) -> list[Sent]:
    """Invite each address, all or none. An open invitation gets a new link and this role.

    The addresses come from `emails.one`. Raises NotAllowed if the actor's role is below the role,
    or below that of an open invitation; IsMember; TooMany.
    """
    team = members.lock(team)
    own = members.role_of(team, by, Permission.INVITATIONS_CREATE)
    if not own.reaches(role):
        raise NotAllowed
    invitation_limits.check(team, by, [emails.key(address) for address in addresses])
    return [_invite(team, address, role, own, by) for address in addresses]


@transaction.atomic
def invite_first_owner(team: Team, address: str, by: Actor) -> Sent:
    """Invite the first owner of a team, as an operator. Older invitations are withdrawn.

    The invitation holds as long as the actor is an operator and nobody owns the team. Raises
    HasOwner, NotAllowed if the actor is no operator, and TooMany.
    """
    team = members.lock(team)
    if members.has_owner(team):
        raise HasOwner
    if not User.objects.filter(pk=by.id, is_operator=True, is_active=True).exists():
        raise NotAllowed
    key = emails.key(address)
    invitation_limits.check(team, by, [key])
    for waiting in Invitation.objects.of(team).open():
        _withdraw(waiting, by)
    owner = Invitation(team=team, email=address, email_key=key, role=Role.OWNER)
    return _make_link(owner, "invitation.create", by, is_by_operator=True)


@transaction.atomic
def resend(invitation: Invitation, by: Actor) -> Sent:
    """Create a new link with a new term. The old link ends, and the actor vouches from now on.

    Raises NotAllowed, Closed if the invitation was accepted or withdrawn meanwhile, and TooMany.
    """
    team = members.lock(invitation.team)
    waiting = _waiting(invitation)
    _may_touch(team, waiting, by)
    invitation_limits.check(team, by, [waiting.email_key])
    return _make_link(waiting, "invitation.resend", by)


@transaction.atomic
def withdraw(invitation: Invitation, by: Actor) -> None:
    """End an invitation and its link. Raises NotAllowed, Closed."""
    team = members.lock(invitation.team)
    waiting = _waiting(invitation)
    _may_touch(team, waiting, by)
    _withdraw(waiting, by)


def find(digest: str) -> Invitation | None:
    """Return the invitation of a link that was issued, working or not. Changes nothing."""
    link = LinkToken.objects.filter(purpose=LinkPurpose.INVITATION, digest=digest).first()
    if link is None or not digest:
        return None
    known = Invitation.objects.select_related("team", "invited_by")
    return known.filter(pk=link.bound_to).first()


def opens(digest: str, invitation: Invitation) -> bool:
    """Whether this link still lets its person into the team. Changes nothing."""
    return (
        invitation in Invitation.objects.open()
        and invitation.expires_at > timezone.now()
        and invitation.team.suspended_at is None
        and link_tokens.is_usable(LinkPurpose.INVITATION, digest)
        and _is_vouched_for(invitation)
    )


def accept_as_new(
    digest: str, *, username: str, password: str, has_mailbox: bool, address: str
) -> Membership:
    """Redeem the link: a new person with the invited address joins the team.

    Raises Closed, and ValidationError if the rules of names and passwords refuse the input (then
    the link still works). `has_mailbox`: the link came from the mail. `address`: the network
    address.
    """
    invitation = find(digest)
    if invitation is None or not opens(digest, invitation):
        raise Closed
    newcomer = User(username=username, email=invitation.email)
    # Before the transaction: nobody waits for the team's lock while a password is hashed.
    user = users.prepare(newcomer, password, avoid=[invitation.team.name])
    with transaction.atomic():
        invitation = _take(digest)
        by = Actor("system", "invitation", f"invitation of {invitation.email}", address)
        users.add(user, by)
        return _join(invitation, user, has_mailbox, users.actor(user, address))


@transaction.atomic
def accept_as(digest: str, user: User, *, has_mailbox: bool, address: str) -> Membership:
    """Redeem the link: a person who has an account joins. Raises Closed, OfAnother."""
    invitation = _take(digest)
    if emails.key(user.email) != invitation.email_key:
        raise OfAnother
    return _join(
        invitation, user, has_mailbox, Actor("person", str(user.pk), user.username, address)
    )


def withdraw_disallowed(team: Team, user: User, role: Role | None, by: Actor, **_: Any) -> None:
    """Withdraw a member's open invitations that the new role no longer allows.

    Receives `membership_changed`.
    """
    own = Invitation.objects.of(team).open().filter(invited_by=user, is_by_operator=False)
    for waiting in own:
        if role is None or not may_give(role, Role(waiting.role)):
            _withdraw(waiting, by)


def _invite(team: Team, address: str, role: Role, own: Role, by: Actor) -> Sent:
    key = emails.key(address)
    if Membership.objects.filter(team=team, user__email__iexact=address).exists():
        raise IsMember(address)
    waiting = Invitation.objects.of(team).open().filter(email_key=key).first()
    if waiting is None:
        fresh = Invitation(team=team, email=address, email_key=key, role=role)
        return _make_link(fresh, "invitation.create", by)
    if not own.reaches(Role(waiting.role)):
        raise NotAllowed
    waiting.role = role
    return _make_link(waiting, "invitation.resend", by)


def _make_link(
    invitation: Invitation, action: str, by: Actor, *, is_by_operator: bool = False
) -> Sent:
    lifetime = timedelta(days=settings.INVITATION_DAYS)
    now = timezone.now()
    invitation.invited_by_id = int(by.id) if by.kind == "person" else None
    invitation.key_id = UUID(by.id) if by.kind == "key" else None
    invitation.key_name = by.name if by.kind == "key" else ""
    invitation.is_by_operator = is_by_operator
    invitation.link_made_at, invitation.expires_at = now, now + lifetime
    token = link_tokens.issue(LinkPurpose.INVITATION, lifetime, bound_to=str(invitation.pk))
    link = settings.PUBLIC_URL + reverse("join_link", args=[token])
    invitation.is_mailed = _mail(invitation, f"{link}{digests.mailbox_proof(token)}/", by)
    invitation.save()
    after = {"role": invitation.role, "expires_at": invitation.expires_at.isoformat()}
    audit.record(invitation.team_id, action, by, _target(invitation), after=after)
    return Sent(invitation, link)


def _mail(invitation: Invitation, link: str, by: Actor) -> bool:
    context = {
        "team_name": names.unlinked(invitation.team.name),
        "inviter": names.unlinked(by.name),
        "role": str(Role(invitation.role).label).lower(),
        "link": link,
        "expires_at": invitation.expires_at,
    }
    return outbox.queue("invitation", invitation.email, context, team=invitation.team) is not None


def _waiting(invitation: Invitation) -> Invitation:
    # Read again under the team's lock: it may have been accepted since the page was drawn.
    waiting = Invitation.objects.of(invitation.team).open().filter(pk=invitation.pk).first()
    if waiting is None:
        raise Closed
    return waiting


def _may_touch(team: Team, invitation: Invitation, by: Actor) -> None:
    own = members.role_of(team, by, Permission.INVITATIONS_CREATE)
    if not own.reaches(Role(invitation.role)):
        raise NotAllowed


def may_give(own: Role, role: Role) -> bool:
    may_invite = Permission.INVITATIONS_CREATE in ROLE_PERMISSIONS[own]
    return may_invite and own.reaches(role)


def is_vouched_for_by_key(invitation: Invitation) -> bool:
    """Whether the key that invited still works, and may still give this role."""
    may = held_keys.registry().permissions_of(invitation.team, str(invitation.key_id))
    return Permission.INVITATIONS_CREATE in may and Role(invitation.role) in INVITED_BY_KEYS


def _is_vouched_for(invitation: Invitation) -> bool:
    if invitation.is_by_operator:
        operators = User.objects.filter(is_operator=True, is_active=True)
        still = operators.filter(pk=invitation.invited_by_id or 0).exists()
        return still and not members.has_owner(invitation.team)
    if invitation.key_id is not None:
        return is_vouched_for_by_key(invitation)
    inviter = Membership.objects.filter(
        team=invitation.team, user=invitation.invited_by, user__is_active=True
    ).first()
    return inviter is not None and may_give(Role(inviter.role), Role(invitation.role))


def _take(digest: str) -> Invitation:
    found = find(digest)
    if found is None:
        raise Closed
    team = members.lock(found.team)  # waits for whoever takes it, or ends the inviter's right
    invitation = Invitation.objects.of(team).select_related("invited_by").get(pk=found.pk)
    invitation.team = team
    if not opens(digest, invitation) or not link_tokens.redeem(LinkPurpose.INVITATION, digest):
        raise Closed
    return invitation


def _join(invitation: Invitation, user: User, has_mailbox: bool, by: Actor) -> Membership:
    membership = members.add(invitation.team, user, Role(invitation.role), by)
    now = timezone.now()
    invitation.accepted_at, invitation.accepted_by = now, user
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    proves = has_mailbox and invitation.is_mailed
    if proves and user.email_verified_at is None:
        user.email_verified_at = now
        user.save(update_fields=["email_verified_at"])
    after = {"role": membership.role, "address_verified": proves}
    audit.record(invitation.team_id, "invitation.accept", by, _target(invitation), after=after)
    return membership


def _withdraw(invitation: Invitation, by: Actor) -> None:
    invitation.withdrawn_at = timezone.now()
    invitation.save(update_fields=["withdrawn_at"])
    link_tokens.revoke(LinkPurpose.INVITATION, str(invitation.pk))
    before = {"role": invitation.role}
    audit.record(invitation.team_id, "invitation.withdraw", by, _target(invitation), before=before)


def _target(invitation: Invitation) -> audit.Target:
    return audit.Target("invitation", str(invitation.pk), invitation.email)
