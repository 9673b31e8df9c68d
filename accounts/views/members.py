"""Members: the page of a team's people, their roles, and handing the team over."""

from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Coalesce, Lower
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import held_keys
from accounts.audit import trail
from accounts.forms.base import StrictForm, posted, render_forms
from accounts.forms.members import InvitationForm, RoleForm
from accounts.forms.picking import PersonField, offer, people_of
from accounts.guards import TeamRequest, team_view
from accounts.lists import listing
from accounts.login import fresh_logins
from accounts.login.ways_back import posted_from
from accounts.mail import outbox
from accounts.models import Invitation, Mail, Membership, Role
from accounts.models.invitations import InvitationState
from accounts.permissions import Permission
from accounts.services import invitations, members
from accounts.services.versions import Stale

ROWS = "accounts/member_rows.html"
ROLES = listing.Filter("role", "Role", [("", "Any role"), *Role.choices])
WAITING_SHOWN = 3  # invitations; the others have a page of their own
LAST_OWNER = "A team keeps at least one owner. Make someone else an owner first."
CANNOT_LOG_IN = "{} cannot log in, so the team would be without an owner. Choose someone else."


@team_view(Permission.MEMBERS_VIEW)
@require_safe
def member_list(request: TeamRequest) -> HttpResponse:
    """Show who is in the team with which role, and the invitations to those who invite."""
    context = page(request, InvitationForm(role=request.principal.role))
    return listing.draw(request, "accounts/members.html", ROWS, context)


@team_view(Permission.MEMBERS_VIEW)
@posted_from("member_list")
def member_names(request: TeamRequest) -> HttpResponse:
    """Offer the usernames of members that have in them what somebody types."""
    return offer(request, PersonField, people_of(request.team))


@team_view(Permission.MEMBERS_UPDATE)
@require_http_methods(["GET", "HEAD", "POST"])
def change_role(request: TeamRequest, member_id: int) -> HttpResponseBase:
    """Give a member another role. Making or unmaking an owner needs a fresh login."""
    member = get_member(request, member_id)
    must_reach(request, member)
    form = _role_form(request, member, posted(request))
    if form.is_valid():
        role = Role(form.cleaned_data["role"])
        if Role.OWNER in (role, member.role) and not fresh_logins.is_fresh(request):
            return fresh_logins.ask(request)
        try:
            version = form.cleaned_data["version"]
            members.change_role(member, role, request.principal.actor, version=version)
        except Stale:
            member = get_member(request, member_id)
            last = trail.latest_by(request.team.id, "membership", member.pk)
            form.refuse(_role_form(request, member), last, "the role")
        except members.LastOwner:
            form.add_error("role", LAST_OWNER)
        else:
            said = f"{member.user.username} is now {_an(role)}. They notice on their next page."
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


def _role_form(request: TeamRequest, member: Membership, data: QueryDict | None = None) -> RoleForm:
    return RoleForm(
        data,
        role=request.principal.role,
        initial={"role": member.role},
        version=members.version_of(member),
    )


def page(request: TeamRequest, form: InvitationForm) -> dict[str, Any]:
    """Return the context of the page of members."""
    may = request.principal.may_do
    sees_addresses = may(Permission.INVITATIONS_CREATE)
    path = reverse("member_list", args=[request.team.slug])
    asked = listing.Asked(request, _columns(request), [ROLES], usual="role", path=path)
    rows = Membership.objects.filter(team=request.team).select_related("user")
    if asked.value("role"):
        rows = rows.filter(role=asked.value("role"))
    if asked.q:
        named = Q(user__username__icontains=asked.q)
        if sees_addresses:  # others find nobody by what they do not see
            named |= Q(user__email__icontains=asked.q)
        rows = rows.filter(named)
    shown = asked.page(rows, "member")
    for member in shown.rows:
        member.is_reached = _reaches(request, member)  # type: ignore[attr-defined]
    context: dict[str, Any] = {
        "list": shown,
        "searches": "Search by name or e-mail"
        if may(Permission.INVITATIONS_CREATE)
        else "Search by name",
        "rows_template": ROWS,
        "form": form,
        "has_mail": outbox.is_configured(),
    }
    if shown.is_part:
        return context
    if sees_addresses:
        waiting = Invitation.objects.of(request.team).open()
        newest = waiting.select_related("invited_by", "team").order_by("-link_made_at")
        context["waiting"] = note_vouchers(request, list(newest[:WAITING_SHOWN]))
        context["waiting_count"] = waiting.count()
    if may(Permission.MAILS_VIEW):
        context["mail_trouble"] = Mail.objects.of(request.team).in_trouble().count()
    return context


def _columns(request: TeamRequest) -> list[listing.Column]:
    by_name = Lower("user__username")
    ranks = [When(role=role, then=Value(f"{rank}")) for rank, role in enumerate(Role)]
    columns = [
        listing.Column("Member", "name", by_name),
        # Within a role by name.
        listing.Column("Role", "role", listing.within(Case(*ranks, default=Value("9")), by_name)),
        listing.Column("Joined", "joined", "created_at", falls=True),
    ]
    if request.principal.may_do(Permission.MEMBERS_UPDATE):
        never = Coalesce("user__last_login", Value(datetime(1970, 1, 1, tzinfo=UTC)))
        columns.append(listing.Column("Last login", "login", never, falls=True))
    return [*columns, listing.ACTIONS]


def note_vouchers(request: TeamRequest, shown: list[Invitation]) -> list[Invitation]:
    """Say of each invitation whether somebody still vouches for it, and whether one reaches it."""
    inviters = {each.invited_by_id for each in shown if each.invited_by_id}
    active = Membership.objects.filter(
        team=request.team, user__in=inviters, user__is_active=True
    ).values_list("user", "role")
    roles = {user: Role(role) for user, role in active}
    own = request.principal.role
    for each in shown:
        voucher = None if each.is_by_operator else roles.get(each.invited_by_id or 0)
        is_good = voucher is not None and invitations.may_give(voucher, Role(each.role))
        if each.key_id is not None and each.state() == InvitationState.PENDING:
            is_good = invitations.is_vouched_for_by_key(each)
        each.has_voucher = is_good  # type: ignore[attr-defined]
        each.is_reached = own is not None and own.reaches(Role(each.role))  # type: ignore[attr-defined]
    return shown


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
