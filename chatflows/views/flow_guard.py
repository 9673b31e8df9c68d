"""The guard of the flow app's pages: they open for its own sessions, not for members'."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, cast

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from accounts.guards import PageRequest, View, open_view
from chatflows.flow_app import visits
from chatflows.flow_app.visits import Visit

P = ParamSpec("P")
REASON = "the flow app's own username and password let visitors in"
ENTERED = "whoever is in the flow app"


class VisitRequest(PageRequest):
    """A request of someone who is in a team's flow app."""

    visit: Visit


def flow_view(view: Callable[Concatenate[VisitRequest, P], HttpResponseBase]) -> View:
    """Guard a page under `/flow/<slug>/`. Without a visit it leads to the login page."""

    @functools.wraps(view)
    def guarded(
        request: HttpRequest, slug: str, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponseBase:
        visit = entered(request, slug)
        if visit is None:
            return redirect("flow_home", slug)
        visiting = cast(VisitRequest, request)
        visiting.visit = visit
        return view(visiting, *args, **kwargs)

    return open_view(ENTERED)(guarded)


def entered(request: HttpRequest, slug: str) -> Visit | None:
    """Return the visit of a request, if any. A flow app that is off or unknown is 404."""
    try:
        return visits.enter(slug, request.COOKIES.get(settings.FLOW_COOKIE_NAME, ""))
    except visits.Closed:
        raise Http404 from None


def remember(response: HttpResponseBase, cookie: str) -> None:
    """Give the browser its session of the flow app."""
    response.set_cookie(
        settings.FLOW_COOKIE_NAME,
        cookie,
        max_age=visits.LIFETIME,
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )


def forget(response: HttpResponseBase) -> None:
    """Delete the browser's session of the flow app."""
    response.set_cookie(
        settings.FLOW_COOKIE_NAME,
        max_age=0,
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )
