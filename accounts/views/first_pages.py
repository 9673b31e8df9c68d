"""First pages: where the bare address of a team or of the installation leads."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from accounts.guards import OperatorRequest, TeamRequest, operator_view, team_view
from accounts.permissions import Permission


@team_view(Permission.CHATFLOWS_VIEW)
@require_safe
def team_home(request: TeamRequest) -> HttpResponse:
    """Lead to the team's chatflows."""
    return redirect("chatflow_list", request.team.slug)


@operator_view()
@require_safe
def operator_home(request: OperatorRequest) -> HttpResponse:
    """Lead to the teams of this installation."""
    return redirect("operator_teams")
