"""Settings of a team: its name."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.forms.base import posted, render_forms
from accounts.forms.teams import TeamNameForm
from accounts.guards import TeamRequest, team_view
from accounts.permissions import Permission
from accounts.services import teams


@team_view(Permission.TEAM_UPDATE)
@require_http_methods(["GET", "HEAD", "POST"])
def team_settings(request: TeamRequest) -> HttpResponse:
    """Change the team's name. Its addresses stay."""
    form = TeamNameForm(posted(request), initial={"name": request.team.name})
    if form.is_valid():
        teams.change_name(request.team, form.cleaned_data["name"], request.principal.actor)
        messages.success(request, f"The team is called {request.team.name}.")
        return redirect("team_settings", request.team.slug)
    return render_forms(request, "accounts/team_settings.html", {"form": form})
