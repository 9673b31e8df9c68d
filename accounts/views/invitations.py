"""Invitations, on the team's side: list, invite, create a new link, withdraw.

A link is shown once.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms.base import StrictForm, render_forms
from accounts.forms.members import InvitationForm
from accounts.guards import TeamRequest, shows_secret, team_view
from accounts.limits.too_many import TooMany
from accounts.lists import listing
from accounts.login import fresh_logins
from accounts.login.ways_back import to_list
from accounts.mail import outbox
from accounts.models import Invitation, Role
from accounts.models.invitations import InvitationQuerySet, InvitationState
from accounts.permissions import Permission
from accounts.services import invitations
from accounts.views import members

IS_MEMBER = "{} is in the team already. Change the role in the list of members."
METHODS = ["GET", "HEAD", "POST"]
COLUMNS = [
    listing.Column("Address", "address", "email_key"),
    listing.Column("Role"),
    listing.Column("Invited by", css="minor"),
    listing.Column("State", "ends", "expires_at"),
    listing.Column("Invited", "made", "link_made_at", falls=True),
    listing.ACTIONS,
]
STATES = listing.Filter(
    "state",
    "State",
    [("", "Pending or expired"), *InvitationState.choices, ("all", "Any state")],
)
IN_STATE: dict[str, Callable[[InvitationQuerySet, datetime], InvitationQuerySet]] = {
    "": lambda rows, _: rows.open(),
    "all": lambda rows, _: rows,
    InvitationState.PENDING: lambda rows, now: rows.open().filter(expires_at__gt=now),
    InvitationState.EXPIRED: lambda rows, now: rows.open().filter(expires_at__lte=now),
    InvitationState.ACCEPTED: lambda rows, _: rows.filter(accepted_at__isnull=False),
    InvitationState.WITHDRAWN: lambda rows, _: rows.filter(withdrawn_at__isnull=False),
}


@team_view(Permission.INVITATIONS_CREATE)
@require_safe
def invitation_list(request: TeamRequest) -> HttpResponse:
    """Show the invitations that are open, or those that are over."""
    asked = listing.Asked(request, COLUMNS, [STATES, members.ROLES], usual="made")
    rows = Invitation.objects.of(request.team).select_related("invited_by", "accepted_by", "team")
    rows = IN_STATE[asked.value("state")](rows, timezone.now())
    if asked.value("role"):
        rows = rows.filter(role=asked.value("role"))
    if asked.q:
        rows = rows.filter(email__icontains=asked.q)
    shown = asked.page(rows, "invitation")
    members.note_vouchers(request, shown.rows)
    context = {"list": shown, "has_mail": outbox.is_configured()}
    rows_template = "accounts/invitation_rows.html"
    return listing.draw(request, "accounts/invitations.html", rows_template, context)


@team_view(Permission.INVITATIONS_CREATE)
@shows_secret
@require_http_methods(METHODS)
def invite(request: TeamRequest) -> HttpResponseBase:
    """Invite addresses. The answer shows each link once. Inviting an owner needs a fresh login."""
    if request.method != "POST":  # back from confirming the password
        return redirect("member_list", request.team.slug)
    form = InvitationForm(request.POST, role=request.principal.role)
    if form.is_valid():
        role = Role(form.cleaned_data["role"])
        if role == Role.OWNER and not fresh_logins.is_fresh(request):
            return fresh_logins.ask(request)
        addresses, by = form.cleaned_data["addresses"], request.principal.actor
        try:
            sent = invitations.invite(request.team, addresses, role, by)
        except invitations.IsMember as error:
            form.add_error("addresses", IS_MEMBER.format(error))
        except TooMany as error:
            form.add_error("addresses", str(error))
        else:
            return _shown_once(request, sent)
    return render_forms(request, "accounts/members.html", members.page(request, form))


@team_view(Permission.INVITATIONS_CREATE)
@shows_secret
@require_http_methods(METHODS)
def resend(request: TeamRequest, invitation_id: UUID) -> HttpResponseBase:
    """Replace an invitation's link. The answer shows the new one, once."""
    invitation = _get(request, invitation_id)
    if request.method != "POST":
        return _back(request)
    if invitation.role == Role.OWNER and not fresh_logins.is_fresh(request):
        return fresh_logins.ask(request)
    if not StrictForm(request.POST).is_valid():
        return _not_done(request, "Something was added to this form, so nothing was done.")
    try:
        sent = invitations.resend(invitation, request.principal.actor)
    except TooMany as error:
        return _not_done(request, str(error))
    except invitations.Closed:
        return _not_done(request, f"The invitation of {invitation.email} is over.")
    return _shown_once(request, [sent])


@team_view(Permission.INVITATIONS_CREATE)
@require_http_methods(METHODS)
def withdraw(request: TeamRequest, invitation_id: UUID) -> HttpResponseBase:
    """Withdraw an invitation."""
    invitation = _get(request, invitation_id)
    if request.method != "POST":
        return _back(request)
    if not StrictForm(request.POST).is_valid():
        return _not_done(request, "Something was added to this form, so nothing was done.")
    try:
        invitations.withdraw(invitation, request.principal.actor)
    except invitations.Closed:
        return _not_done(request, f"The invitation of {invitation.email} is over.")
    messages.success(request, f"The invitation of {invitation.email} is withdrawn.")
    return _back(request)


def _get(request: TeamRequest, invitation_id: UUID) -> Invitation:
    of_team = Invitation.objects.of(request.team).select_related("team")
    return get_object_or_404(of_team, pk=invitation_id)


def _shown_once(request: TeamRequest, sent: list[invitations.Sent]) -> HttpResponse:
    context = {"sent": sent, "has_mail": outbox.is_configured()}
    return render(request, "accounts/invited.html", context)


def _not_done(request: TeamRequest, why: str) -> HttpResponseBase:
    messages.warning(request, why)
    return _back(request)


def _back(request: TeamRequest) -> HttpResponseBase:
    lists = [reverse(name, args=[request.team.slug]) for name in ("member_list", "invitation_list")]
    return to_list(request, *lists)
