"""Invitations, on the team's side: invite, make a new link, withdraw. A link is shown once."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts.forms.base import StrictForm, render_forms
from accounts.forms.members import InvitationForm
from accounts.guards import TeamRequest, shows_secret, team_view
from accounts.limits.too_many import TooMany
from accounts.login import fresh_logins
from accounts.mail import outbox
from accounts.models import Invitation, Role
from accounts.permissions import Permission
from accounts.services import invitations
from accounts.views import members

IS_MEMBER = "{} is in the team already. Change the role in the list of members."
METHODS = ["GET", "HEAD", "POST"]


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
        return redirect("member_list", request.team.slug)
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
def withdraw(request: TeamRequest, invitation_id: UUID) -> HttpResponse:
    """Withdraw an invitation."""
    invitation = _get(request, invitation_id)
    if request.method != "POST":
        return redirect("member_list", request.team.slug)
    if not StrictForm(request.POST).is_valid():
        return _not_done(request, "Something was added to this form, so nothing was done.")
    try:
        invitations.withdraw(invitation, request.principal.actor)
    except invitations.Closed:
        return _not_done(request, f"The invitation of {invitation.email} is over.")
    messages.success(request, f"The invitation of {invitation.email} is withdrawn.")
    return redirect("member_list", request.team.slug)


def _get(request: TeamRequest, invitation_id: UUID) -> Invitation:
    of_team = Invitation.objects.of(request.team).select_related("team")
    return get_object_or_404(of_team, pk=invitation_id)


def _shown_once(request: TeamRequest, sent: list[invitations.Sent]) -> HttpResponse:
    context = {"sent": sent, "has_mail": outbox.is_configured()}
    return render(request, "accounts/invited.html", context)


def _not_done(request: TeamRequest, why: str) -> HttpResponse:
    messages.warning(request, why)
    return redirect("member_list", request.team.slug)
