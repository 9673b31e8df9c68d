"""The operator's page of teams: make, rename, suspend, delete. None of their insides."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Case, Count, Exists, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce, Lower
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import audit, held_keys
from accounts.audit import trail
from accounts.forms.base import posted, render_forms
from accounts.forms.teams import (
    DeleteTeamForm,
    FirstOwnerForm,
    NewTeamForm,
    RenameTeamForm,
    TeamNameForm,
)
from accounts.guards import OperatorRequest, operator_view, shows_secret
from accounts.limits.too_many import TooMany
from accounts.lists import listing
from accounts.login.ways_back import posted_from, to_list
from accounts.mail import outbox
from accounts.models import Membership, Role, Team
from accounts.services import invitations, teams
from accounts.services.invitations import Sent
from accounts.services.versions import Stale

USE_DAYS = 14  # of calls, to tell what a suspension stops
MEMBERSHIPS = Membership.objects.filter(team=OuterRef("pk"))
OWNERS = MEMBERSHIPS.filter(role=Role.OWNER)
MEMBERS = Coalesce(
    Subquery(MEMBERSHIPS.values("team").annotate(n=Count("pk")).values("n")), Value(0)
)
STATUS = Case(When(suspended_at=None, then=Value("1")), default=Value("0"))
COLUMNS = [
    listing.Column("Team", "name", Lower("name")),
    listing.Column("Status", "status", listing.within(STATUS, Lower("name"))),
    listing.Column("Members", "members", "members", falls=True, css="num"),
    listing.Column("Created", "created", "created_at", falls=True),
    listing.ACTIONS,
]
STATUSES = listing.Filter(
    "status",
    "Status",
    [
        ("", "Any status"),
        ("active", "Active"),
        ("suspended", "Suspended"),
        ("ownerless", "Without an owner"),
    ],
)
IN_STATUS = {
    "active": Q(suspended_at=None),
    "suspended": Q(suspended_at__isnull=False),
    "ownerless": Q(is_owned=False),
}


@operator_view()
@require_safe
def team_list(request: OperatorRequest) -> HttpResponse:
    """Every team of this installation: name, members, state."""
    asked = listing.Asked(request, COLUMNS, [STATUSES])
    rows = Team.objects.annotate(members=MEMBERS, is_owned=Exists(OWNERS))
    if asked.value("status"):
        rows = rows.filter(IN_STATUS[asked.value("status")])
    if asked.q:
        rows = rows.filter(Q(name__icontains=asked.q) | Q(slug__icontains=asked.q))
    page = asked.page(rows, "team")
    return listing.draw(request, "accounts/teams.html", "accounts/team_rows.html", {"list": page})


@operator_view()
@shows_secret
@require_http_methods(["GET", "HEAD", "POST"])
def team_new(request: OperatorRequest) -> HttpResponse:
    """A new team with DefaultKey, a sample chatflow and its first owner, who may be invited."""
    form = NewTeamForm(posted(request))
    if form.is_valid():
        name, owner = form.cleaned_data["name"], form.cleaned_data["owner"]
        if isinstance(owner, str):
            return _shown_once(request, teams.open_and_invite(name, owner, request.actor))
        team = teams.open_with_owner(name, owner, request.actor)
        messages.success(request, f"{team.name} is created, and {owner.username} owns it.")
        return redirect("operator_teams")
    return _form_page(request, form, None)


@operator_view()
@shows_secret
@require_http_methods(["GET", "HEAD", "POST"])
def team_owner(request: OperatorRequest, team_id: UUID) -> HttpResponse:
    """A link for the first owner of a team that has none; the link before it is dead."""
    team = get_object_or_404(Team, pk=team_id)
    form = FirstOwnerForm(posted(request))
    if form.is_valid():
        try:
            sent = invitations.invite_first_owner(team, form.cleaned_data["email"], request.actor)
        except invitations.HasOwner:
            form.add_error(None, f"{team.name} has an owner. Its own people invite others.")
        except TooMany as error:
            form.add_error("email", str(error))
        else:
            return _shown_once(request, sent)
    context = {"team": team, "form": form}
    return render_forms(request, "accounts/team_owner.html", context)


@operator_view()
@require_http_methods(["GET", "HEAD", "POST"])
def team_rename(request: OperatorRequest, team_id: UUID) -> HttpResponse:
    """Another name; the addresses stay."""
    team = get_object_or_404(Team, pk=team_id)
    form = RenameTeamForm.of(team, posted(request))
    if form.is_valid():
        try:
            teams.change_name(team, by=request.actor, **form.cleaned_data)
        except Stale:
            team.refresh_from_db()
            last = trail.latest_by(audit.INSTALLATION, "team", team.id, "team.rename")
            form.refuse(RenameTeamForm.of(team), last, "the name")
        else:
            messages.success(request, f"The team is called {team.name} now.")
            return redirect("operator_teams")
    return _form_page(request, form, team)


@operator_view()
@require_http_methods(["GET", "HEAD", "POST"])
def team_suspend(request: OperatorRequest, team_id: UUID) -> HttpResponseBase:
    """Say what stops, and refuse its keys and its members' pages; ending it undoes all of it."""
    team = get_object_or_404(Team, pk=team_id)
    if request.method != "POST":
        working, calls = held_keys.registry().stopping(team, USE_DAYS)
        members = team.memberships.count()
        context = {"team": team, "members": members, "keys": working, "calls": calls}
        return render(request, "accounts/team_suspend.html", context)
    teams.suspend(team, request.actor)
    said = f"{team.name} is suspended. The next call with its keys is refused."
    undo = reverse("operator_team_unsuspend", args=[team.id])
    messages.success(request, said, extra_tags=undo)
    return to_list(request, reverse("operator_teams"))


@operator_view()
@posted_from("operator_teams")
def team_unsuspend(request: OperatorRequest, team_id: UUID) -> HttpResponseBase:
    """Let it go on."""
    team = get_object_or_404(Team, pk=team_id)
    teams.unsuspend(team, request.actor)
    messages.success(request, f"{team.name} is active again.")
    return to_list(request, reverse("operator_teams"))


@operator_view(fresh_login=True)
@require_http_methods(["GET", "HEAD", "POST"])
def team_delete(request: OperatorRequest, team_id: UUID) -> HttpResponse:
    """What goes with it, and the deletion."""
    team = get_object_or_404(Team, pk=team_id)
    form = DeleteTeamForm(posted(request), team=team)
    if form.is_valid():
        teams.delete(team, request.actor)
        messages.success(request, f"{team.name} is deleted. Its audit trail stays.")
        return redirect("operator_teams")
    context = {"team": team, "form": form}
    return render_forms(request, "accounts/team_delete.html", context)


def _shown_once(request: OperatorRequest, sent: Sent) -> HttpResponse:
    context = {"sent": sent, "has_mail": outbox.is_configured()}
    return render(request, "accounts/team_invited.html", context)


def _form_page(request: OperatorRequest, form: TeamNameForm, team: Team | None) -> HttpResponse:
    return render_forms(request, "accounts/team_form.html", {"form": form, "team": team})
