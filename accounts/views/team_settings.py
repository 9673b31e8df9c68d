"""Settings of a team: its name."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.audit import trail
from accounts.forms.base import posted, render_forms
from accounts.forms.teams import RenameTeamForm
from accounts.guards import TeamRequest, team_view
from accounts.permissions import Permission
from accounts.services import teams
from accounts.services.versions import Stale


@team_view(Permission.TEAM_UPDATE)
@require_http_methods(["GET", "HEAD", "POST"])
def team_settings(request: TeamRequest) -> HttpResponse:
    """Change the team's name. Its addresses stay."""
    form = RenameTeamForm.of(request.team, posted(request))
    if form.is_valid():
        try:
            teams.change_name(request.team, by=request.principal.actor, **form.cleaned_data)
        except Stale:
            request.team.refresh_from_db()
            last = trail.latest_by(request.team.id, "team", request.team.id, "team.rename")
            form.refuse(RenameTeamForm.of(request.team), last, "the name")
        else:
            messages.success(request, f"The team is called {request.team.name}.")
            return redirect("team_settings", request.team.slug)
    return render_forms(request, "accounts/team_settings.html", {"form": form})
