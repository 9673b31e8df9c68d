"""Sessions: the front page, and allauth's login, logout and password confirmation."""

from typing import TypeVar

from allauth.account import views as allauth_views
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.guards import open_view, signed_in_view
from accounts.limits.too_many import TooMany
from accounts.login import fresh_logins, known_devices
from accounts.models import Membership, Role, Team, User

Response = TypeVar("Response", bound=HttpResponseBase)
# allauth takes a PUT for a POST, which nothing here is made for.
METHODS = ["GET", "HEAD", "POST"]


@open_view("ends a session; without one it does nothing")
@require_http_methods(METHODS)
def logout(request: HttpRequest) -> HttpResponseBase:
    """Ask, and end the session. The login page says that it was done."""
    was_logged_in = request.user.is_authenticated
    response: HttpResponseBase = allauth_views.logout(request)
    if was_logged_in and not request.user.is_authenticated:
        messages.success(request, "You are logged out.")
    return response


@open_view("people log in here")
@require_http_methods(METHODS)
def login(request: HttpRequest) -> HttpResponseBase:
    """Show the login page. A person who gets in makes this a known device."""
    response: HttpResponseBase = allauth_views.login(request)
    mark_refused(request, response)
    if request.method == "POST" and isinstance(request.user, User):
        known_devices.remember(response, request.user)
    return response


@signed_in_view()
@require_http_methods(METHODS)
def reauthenticate(request: HttpRequest) -> HttpResponseBase:
    """Ask for the password once more. The session gets a new id, so a stolen one gains nothing."""
    was_fresh = fresh_logins.latest(request)
    response: HttpResponseBase = allauth_views.reauthenticate(request)
    mark_refused(request, response)
    if fresh_logins.latest(request) != was_fresh:
        request.session.cycle_key()
    return response


def mark_refused(request: HttpRequest, response: Response) -> Response:
    """Set the status of a refused form, which allauth answers with 200."""
    locked_out: TooMany | None = getattr(request, "too_many", None)
    if locked_out is not None:
        return locked_out.mark(response)
    if request.method == "POST" and response.status_code == 200:
        response.status_code = 422
    return response


@open_view("leads people to where they belong")
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Lead members to their team and visitors to the login. Show a hint while there is no owner."""
    if request.user.is_authenticated:
        return _home_of(request, request.user)
    if not Membership.objects.filter(role=Role.OWNER).exists():
        return render(request, "accounts/no_owner.html")
    return redirect("account_login")


def _home_of(request: HttpRequest, user: User) -> HttpResponse:
    """Lead to the team that was used last, or the only one. Else show a choice."""
    mine = list(Team.objects.filter(memberships__user=user, suspended_at=None).order_by("name"))
    used = [team for team in mine if team.pk == user.last_team_id] or mine
    if len(used) == 1:
        return redirect("chatflow_list", used[0].slug)
    if mine:
        return render(request, "accounts/choose_team.html", {"mine": mine})
    if user.is_operator:
        return redirect("operator_teams")
    return render(request, "accounts/no_team.html")
