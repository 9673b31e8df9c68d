"""The operator's page of teams: make, rename, suspend, delete. None of their insides."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms.base import posted, render_forms
from accounts.forms.teams import DeleteTeamForm, FirstOwnerForm, NewTeamForm, TeamNameForm
from accounts.guards import OperatorRequest, operator_view, shows_secret
from accounts.limits.too_many import TooMany
from accounts.login.ways_back import posted_from
from accounts.mail import outbox
from accounts.models import Role, Team
from accounts.services import invitations, teams
from accounts.services.invitations import Sent


@operator_view()
@require_safe
def team_list(request: OperatorRequest) -> HttpResponse:
    """Every team of this installation: name, members, state."""
    owners = Count("memberships", filter=Q(memberships__role=Role.OWNER))
    counted = Team.objects.annotate(members=Count("memberships"), owners=owners)
    every = counted.order_by("name", "slug")
    return render(request, "accounts/teams.html", {"all_teams": every})


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
        messages.success(request, f"{team.name} is there, and {owner.username} owns it.")
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
    form = TeamNameForm(posted(request), initial={"name": team.name})
    if form.is_valid():
        teams.change_name(team, form.cleaned_data["name"], request.actor)
        messages.success(request, f"The team is called {team.name} now.")
        return redirect("operator_teams")
    return _form_page(request, form, team)


@operator_view()
@posted_from("operator_teams")
def team_suspend(request: OperatorRequest, team_id: UUID) -> HttpResponse:
    """Refuse its keys and its members' pages; ending it undoes all of it."""
    team = get_object_or_404(Team, pk=team_id)
    teams.suspend(team, request.actor)
    messages.success(request, f"{team.name} is suspended. The next call with its keys is refused.")
    return redirect("operator_teams")


@operator_view()
@posted_from("operator_teams")
def team_unsuspend(request: OperatorRequest, team_id: UUID) -> HttpResponse:
    """Let it go on."""
    team = get_object_or_404(Team, pk=team_id)
    teams.unsuspend(team, request.actor)
    messages.success(request, f"{team.name} goes on.")
    return redirect("operator_teams")


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
