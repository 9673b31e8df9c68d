"""Members: the page of a team's people, their roles, and handing the team over."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_safe

from accounts import held_keys
from accounts.forms.base import StrictForm, posted, render_forms
from accounts.forms.members import InvitationForm, RoleForm
from accounts.guards import TeamRequest, team_view
from accounts.login import fresh_logins
from accounts.mail import outbox
from accounts.models import Invitation, Mail, Membership, Role
from accounts.permissions import Permission
from accounts.services import invitations, members

PAST_SHOWN = 20
LAST_OWNER = "A team keeps at least one owner. Make someone else an owner first."
CANNOT_LOG_IN = "{} cannot log in, so the team would be without an owner. Choose someone else."


@team_view(Permission.MEMBERS_VIEW)
@require_safe
def member_list(request: TeamRequest) -> HttpResponse:
    """Show who is in the team with which role, and the invitations to those who invite."""
    form = InvitationForm(role=request.principal.role)
    return render_forms(request, "accounts/members.html", page(request, form))


@team_view(Permission.MEMBERS_UPDATE)
@require_http_methods(["GET", "HEAD", "POST"])
def change_role(request: TeamRequest, member_id: int) -> HttpResponseBase:
    """Give a member another role. Making or unmaking an owner needs a fresh login."""
    member = get_member(request, member_id)
    must_reach(request, member)
    form = RoleForm(posted(request), role=request.principal.role, initial={"role": member.role})
    if form.is_valid():
        role = Role(form.cleaned_data["role"])
        if Role.OWNER in (role, member.role) and not fresh_logins.is_fresh(request):
            return fresh_logins.ask(request)
        try:
            members.change_role(member, role, request.principal.actor)
        except members.LastOwner:
            form.add_error("role", LAST_OWNER)
        else:
            said = f"{member.user.username} is now {_an(role)}. It holds from the next page on."
            return done(request, said)
    context = {
        "member": member,
        "form": form,
        "role": form["role"].value(),
        "sheet_size": held_keys.registry().sheet_size(request.team, member.user),
    }
    return render_forms(request, "accounts/member_role.html", context)


@team_view(Permission.TEAM_TRANSFER, fresh_login=True)
@require_http_methods(["GET", "HEAD", "POST"])
def hand_over(request: TeamRequest, member_id: int) -> HttpResponse:
    """Make another member the owner instead of oneself."""
    member = get_member(request, member_id)
    form = StrictForm(posted(request))
    if form.is_valid():
        try:
            members.hand_over(request.team, member, request.principal.actor)
        except members.CannotLogIn:
            form.add_error(None, CANNOT_LOG_IN.format(member.user.username))
        else:
            said = f"{member.user.username} owns {request.team.name} now. You are an admin."
            return done(request, said)
    context = {"member": member, "form": form}
    return render_forms(request, "accounts/member_hand_over.html", context)


def page(request: TeamRequest, form: InvitationForm) -> dict[str, Any]:
    """Return the context of the page of members."""
    everyone = list(
        Membership.objects.filter(team=request.team).select_related("user").order_by("pk")
    )
    order = list(Role)
    everyone.sort(key=lambda m: (order.index(Role(m.role)), m.user.username.lower()))
    for member in everyone:
        member.is_reached = _reaches(request, member)  # type: ignore[attr-defined]
    context: dict[str, Any] = {
        "members": everyone,
        "form": form,
        "has_mail": outbox.is_configured(),
    }
    if request.principal.may_do(Permission.INVITATIONS_CREATE):
        context |= _invitations(request, everyone)
    if request.principal.may_do(Permission.MAILS_VIEW):
        context["mail_trouble"] = Mail.objects.of(request.team).in_trouble().count()
    return context


def _invitations(request: TeamRequest, everyone: list[Membership]) -> dict[str, Any]:
    of_team = Invitation.objects.of(request.team).select_related(
        "invited_by", "accepted_by", "team"
    )
    waiting = list(of_team.open().order_by("-link_made_at"))
    roles = {member.user_id: Role(member.role) for member in everyone if member.user.is_active}
    own = request.principal.role
    for each in waiting:
        voucher = None if each.is_by_operator else roles.get(each.invited_by_id or 0)
        is_good = voucher is not None and invitations.may_give(voucher, Role(each.role))
        if each.key_id is not None:
            is_good = invitations.is_vouched_for_by_key(each)
        each.has_voucher = is_good  # type: ignore[attr-defined]
        each.is_reached = own is not None and own.reaches(Role(each.role))  # type: ignore[attr-defined]
    past = of_team.past().order_by("-link_made_at")[:PAST_SHOWN]
    return {"waiting": waiting, "past": past}


def get_member(request: TeamRequest, member_id: int) -> Membership:
    """Return a member of the team, or answer 404."""
    of_team = Membership.objects.filter(team=request.team).select_related("user", "team")
    return get_object_or_404(of_team, pk=member_id)


def _reaches(request: TeamRequest, member: Membership) -> bool:
    own = request.principal.role
    return own is not None and own.reaches(Role(member.role))


def must_reach(request: TeamRequest, member: Membership) -> None:
    """Raise PermissionDenied for a member whose role is above the own one."""
    if not _reaches(request, member):
        raise PermissionDenied


def _an(role: Role) -> str:
    word = str(role.label).lower()
    return f"{'an' if word[0] in 'aeo' else 'a'} {word}"


def done(request: TeamRequest, said: str) -> HttpResponse:
    """Lead back to the list with a message."""
    messages.success(request, said)
    return redirect("member_list", request.team.slug)
