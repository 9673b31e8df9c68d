"""Guards: every page declares who may open it. A page without a policy stops the start."""

import functools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from accounts.login import fresh_logins
from accounts.login.ways_back import page_of
from accounts.models import Membership, Role, Team, User
from accounts.permissions import ROLE_PERMISSIONS, Actor, Permission, Principal
from accounts.services import users

P = ParamSpec("P")
Shown = TypeVar("Shown", bound=Callable[..., HttpResponseBase])
SIGNED_IN = "everyone who is logged in"
# Django calls views with keywords of the URL, which no Callable can spell.
View = Callable[..., HttpResponseBase]


class PageRequest(HttpRequest):
    """A request with what our middleware adds."""

    id: str
    address: str
    htmx: HtmxDetails


class TeamRequest(PageRequest):
    """A request of a member on a team's page."""

    user: User
    team: Team
    principal: Principal


class OperatorRequest(PageRequest):
    """A request of an operator on a page of the installation."""

    user: User
    actor: Actor


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may open a page: everyone (with the reason), members with a permission, or operators."""

    permission: Permission | None
    open_because: str = ""
    is_operators: bool = False
    fresh_login: bool = False  # the password was given in the last ten minutes


def team_view(
    permission: Permission, *, fresh_login: bool = False
) -> Callable[
    [Callable[Concatenate[TeamRequest, P], HttpResponseBase]],
    View,
]:
    """Guard a page under `/t/<slug>/`: strangers get 404, members without the permission 403.

    With `fresh_login` the password must have been given in the last ten minutes.
    """

    def guard(
        view: Callable[Concatenate[TeamRequest, P], HttpResponseBase],
    ) -> View:
        def guarded(
            request: HttpRequest, slug: str, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_login(request)
            _in_own_zone(request.user)
            team_request = cast(TeamRequest, request)
            if not _enter(team_request, slug):
                return _suspended(team_request)
            if not team_request.principal.may_do(permission):
                raise PermissionDenied(permission)
            if fresh_login and not fresh_logins.is_fresh(request):
                return fresh_logins.ask(request)
            if request.method == "GET":
                with suppress(DatabaseError):  # a busy database: the page does not need the note
                    users.note_team(team_request.user, team_request.team)
            return view(team_request, *args, **kwargs)

        _declare(guarded, view, Policy(permission, fresh_login=fresh_login))
        return guarded

    return guard


def operator_view(
    *, fresh_login: bool = False
) -> Callable[[Callable[Concatenate[OperatorRequest, P], HttpResponseBase]], View]:
    """Guard a page under `/operator/`: everyone but operators gets 404.

    An operator gains no access to a team: team pages always require a membership.
    """

    def guard(view: Callable[Concatenate[OperatorRequest, P], HttpResponseBase]) -> View:
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_login(request)
            if not request.user.is_operator:
                raise Http404
            _in_own_zone(request.user)
            if fresh_login and not fresh_logins.is_fresh(request):
                return fresh_logins.ask(request)
            operators = cast(OperatorRequest, request)
            operators.actor = users.actor(operators.user, operators.address)
            return view(operators, *args, **kwargs)

        _declare(guarded, view, Policy(None, is_operators=True, fresh_login=fresh_login))
        return guarded

    return guard


def signed_in_view(
    *, fresh_login: bool = False
) -> Callable[[Callable[Concatenate[HttpRequest, P], HttpResponseBase]], View]:
    """Guard a page for everyone who is logged in, whatever their teams."""

    def guard(view: Callable[Concatenate[HttpRequest, P], HttpResponseBase]) -> View:
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_login(request)
            if fresh_login and not fresh_logins.is_fresh(request):
                return fresh_logins.ask(request)
            _in_own_zone(request.user)
            return view(request, *args, **kwargs)

        _declare(guarded, view, Policy(None, SIGNED_IN, fresh_login=fresh_login))
        return guarded

    return guard


def open_view(reason: str) -> Callable[[Callable[P, Any]], Callable[P, Any]]:
    """Declare a page open to everyone. The reason is shown in the table of pages."""

    def declare(view: Callable[P, Any]) -> Callable[P, Any]:
        def opened(*args: P.args, **kwargs: P.kwargs) -> Any:
            return view(*args, **kwargs)

        _declare(opened, view, Policy(None, reason))
        return opened

    return declare


def shows_secret(view: Shown) -> Shown:
    """Declare that a page can show a secret, such as a key's text or a link that lets someone in.

    Its answers are never compressed (docs/adr/0017).
    """
    view.shows_secret = True  # type: ignore[attr-defined]
    return view


def _declare(guarded: Any, view: Any, policy: Policy) -> None:
    functools.update_wrapper(guarded, view)
    guarded.policy = policy


def _in_own_zone(user: User) -> None:
    """Show times in the person's time zone, until the request ends (accounts/middleware.py)."""
    with suppress(ZoneInfoNotFoundError, ValueError):  # this machine may know fewer zones
        timezone.activate(ZoneInfo(user.time_zone))


def principal_of(request: HttpRequest, membership: Membership) -> Principal:
    """Return what the person of a request is in a team."""
    role = Role(membership.role)
    return Principal(
        team=membership.team,
        actor=users.actor(cast(User, request.user), cast(PageRequest, request).address),
        permissions=ROLE_PERMISSIONS[role],
        role_label=str(role.label),
        role=role,
    )


def _enter(request: TeamRequest, slug: str) -> bool:
    """Put a member's team and rights on the request; False for a team that is suspended."""
    mine = Membership.objects.select_related("team").filter(user=request.user, team__slug=slug)
    membership = mine.first()
    if membership is None:
        raise Http404
    request.team = membership.team
    if membership.team.suspended_at is not None:
        return False
    request.principal = principal_of(request, membership)
    return True


def _suspended(request: TeamRequest) -> HttpResponse:
    """Say what happened to the team, and nothing of what is in it."""
    context = {"team": request.team, "frame": "errors/inside.html"}
    return render(request, "errors/suspended.html", context, status=403)


def _to_login(request: HttpRequest) -> HttpResponse:
    if request.method not in ("GET", "HEAD"):
        messages.warning(request, "You were logged out, so nothing was saved. Log in to go on.")
    response = redirect_to_login(page_of(request))
    if getattr(request, "htmx", False):  # a fragment can't show the login page: leave as a whole
        return HttpResponseClientRedirect(response.url)
    return response
