"""Operations on the people of a team: list members, list, make, renew and withdraw invitations."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from accounts.api import idempotency
from accounts.api.faults import Conflict, Invalid, Missing
from accounts.api.lists import Paging, listed
from accounts.api.operations import ApiRequest, ApiSchema, operation
from accounts.mail import addresses as emails
from accounts.models import Invitation, Membership, Role
from accounts.permissions import INVITED_BY_KEYS, Permission
from accounts.services import invitations
from accounts.services.invitations import Sent

router = Router()
ONE = "/invitations/{uuid:invitation_id}"
OVER = "The invitation is over: it was accepted or withdrawn."


class Member(ApiSchema):
    """A person in the team."""

    id: int
    username: str
    role: Role
    email: str | None = Field(description="For keys that may invite; null for others.")
    is_active: bool
    joined_at: datetime


class MemberPage(ApiSchema):
    """Some members, in the order of joining."""

    data: list[Member]
    next_cursor: str | None


class NewInvitation(ApiSchema):
    """Whom to invite. A key invites editors and viewers, and nobody who could raise others."""

    email: Annotated[str, Field(max_length=254)]
    role: Literal["editor", "viewer"] = "viewer"


class InvitationShown(ApiSchema):
    """An invitation that waits."""

    id: UUID
    email: str
    role: Role
    state: Literal["pending", "expired"]
    invited_by: str
    is_mailed: bool
    created_at: datetime
    expires_at: datetime
    url: str | None = Field(
        default=None,
        description="The link, in the one answer that made it and only where no mail was sent.",
    )


class InvitationPage(ApiSchema):
    """Some invitations that wait."""

    data: list[InvitationShown]
    next_cursor: str | None


MEMBER = {
    "id": 7,
    "username": "adam",
    "role": "admin",
    "email": None,
    "is_active": True,
    "joined_at": "2026-11-27T10:00:00Z",
}
INVITATION = {
    "id": "0198c2f4-7777-4d5e-8f90-abcdef123456",
    "email": "eve@example.com",
    "role": "viewer",
    "state": "pending",
    "invited_by": "onboarding",
    "is_mailed": True,
    "created_at": "2026-11-27T10:00:00Z",
    "expires_at": "2026-12-04T10:00:00Z",
    "url": None,
}


@operation(
    router,
    "GET",
    "/members",
    name="listMembers",
    summary="List members",
    scope=Permission.MEMBERS_VIEW,
    response={200: MemberPage},
    example={"data": [MEMBER], "next_cursor": None},
)
def members(request: ApiRequest, response: HttpResponse, paging: Query[Paging]) -> MemberPage:
    """List who is in the team. E-mail addresses are shown to keys that may invite."""
    rows = Membership.objects.filter(team=request.principal.team).select_related("user")
    found, following = listed(request, response, "members", rows, paging)
    shows_email = request.principal.may_do(Permission.INVITATIONS_CREATE)
    data = [
        Member(
            id=each.pk,
            username=each.user.username,
            role=Role(each.role),
            email=each.user.email if shows_email else None,
            is_active=each.user.is_active,
            joined_at=each.created_at,
        )
        for each in found
    ]
    return MemberPage(data=data, next_cursor=following)


@operation(
    router,
    "GET",
    "/invitations",
    name="listInvitations",
    summary="List invitations that wait",
    scope=Permission.INVITATIONS_CREATE,
    response={200: InvitationPage},
    example={"data": [INVITATION], "next_cursor": None},
)
def list_invitations(
    request: ApiRequest, response: HttpResponse, paging: Query[Paging]
) -> InvitationPage:
    """List the invitations that nobody has accepted or withdrawn."""
    rows = Invitation.objects.of(request.principal.team).open().select_related("invited_by")
    found, following = listed(request, response, "invitations", rows, paging)
    return InvitationPage(data=[_shown(each) for each in found], next_cursor=following)


@operation(
    router,
    "POST",
    "/invitations",
    name="createInvitation",
    summary="Invite a person",
    scope=Permission.INVITATIONS_CREATE,
    response={201: InvitationShown},
    errors=(PermissionDenied, Conflict),
    example=INVITATION,
    takes_body={"email": "eve@example.com", "role": "viewer"},
)
@idempotency.once("/invitations", secrets=("url",))
def invite(request: ApiRequest, response: HttpResponse, body: NewInvitation) -> InvitationShown:
    """Invite a person by mail. Without a mail server the link is `url` of this answer, this once.

    An address that waits already gets a new link and this role. While the key works and may invite,
    the link does.
    """
    role = Role(body.role)
    if role not in INVITED_BY_KEYS:
        raise PermissionDenied
    try:
        address = emails.one(body.email)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), "email") from None
    try:
        (sent,) = invitations.invite(
            request.principal.team, [address], role, request.principal.actor
        )
    except invitations.IsMember:
        raise Conflict("This person is in the team already.") from None
    return _sent(sent)


@operation(
    router,
    "POST",
    f"{ONE}/resend",
    name="resendInvitation",
    summary="Create a new link",
    scope=Permission.INVITATIONS_CREATE,
    response={200: InvitationShown},
    errors=(PermissionDenied, Conflict),
    example=INVITATION,
)
def resend(request: ApiRequest, invitation_id: UUID) -> InvitationShown:
    """Send a new link with a new term. The old link ends."""
    try:
        sent = invitations.resend(_find(request, invitation_id), request.principal.actor)
    except invitations.Closed:
        raise Conflict(OVER) from None
    return _sent(sent)


@operation(
    router,
    "DELETE",
    ONE,
    name="withdrawInvitation",
    summary="Withdraw an invitation",
    scope=Permission.INVITATIONS_CREATE,
    response={204: None},
    errors=(PermissionDenied, Conflict),
)
def withdraw(request: ApiRequest, invitation_id: UUID) -> None:
    """End an invitation and its link."""
    try:
        invitations.withdraw(_find(request, invitation_id), request.principal.actor)
    except invitations.Closed:
        raise Conflict(OVER) from None


def _find(request: ApiRequest, invitation_id: UUID) -> Invitation:
    of_team = Invitation.objects.of(request.principal.team).select_related("team", "invited_by")
    found = of_team.filter(pk=invitation_id).first()
    if found is None:
        raise Missing
    return found


def _sent(sent: Sent) -> InvitationShown:
    shown = _shown(sent.invitation)
    shown.url = None if sent.invitation.is_mailed else sent.link
    return shown


def _shown(invitation: Invitation) -> InvitationShown:
    is_over = invitation.state().value == "expired"
    return InvitationShown(
        id=invitation.id,
        email=invitation.email,
        role=Role(invitation.role),
        state="expired" if is_over else "pending",
        invited_by=invitation.inviter,
        is_mailed=invitation.is_mailed,
        created_at=invitation.created_at,
        expires_at=invitation.expires_at,
    )
