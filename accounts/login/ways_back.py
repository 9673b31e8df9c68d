"""The page that a form stands on: where an address that takes only forms leads, and where a person
goes on after a login that came between."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils.http import url_has_allowed_host_and_scheme

P = ParamSpec("P")
R = TypeVar("R", bound=HttpRequest)
View = Callable[Concatenate[R, P], HttpResponseBase]
LONGEST = 2_500  # characters of an address that a form leads back to
BACK = "back"  # the parameter of an address that names where a person was
TAKEN = ("GET", "HEAD", "POST")


def posted_from(page: str) -> Callable[[View[R, P]], View[R, P]]:
    """Let a view take only POST, and lead whoever opens its address to the page of its form.

    `page` is the name of that page's URL, whose parameters are the first of the view's.
    """

    def declare(view: View[R, P]) -> View[R, P]:
        @functools.wraps(view)
        def posted(request: R, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if request.method == "POST":
                return view(request, *args, **kwargs)
            if request.method in TAKEN:
                return redirect(page_of(request))
            return HttpResponseNotAllowed(TAKEN)

        posted.page = page  # type: ignore[attr-defined]
        return posted

    return declare


def page_of(request: HttpRequest) -> str:
    """Return the path and query of the page that the request's form or fragment stands on."""
    came_from = _came_from(request)
    if getattr(request, "htmx", False):
        return came_from or "/"
    match = request.resolver_match
    name = getattr(match.func, "page", "") if match else ""
    path = _reverse(name, match.kwargs) if match and name else request.get_full_path()
    # With its query: a list goes on with the same filters.
    return came_from if came_from.partition("?")[0] == path.partition("?")[0] else path


def after_password(request: HttpRequest) -> str:
    """Return `page_of`, with the page on which the form stood as `back` if that is another one.

    `to_list` reads it once the form was sent again.
    """
    page, came_from = page_of(request), _came_from(request)
    is_elsewhere = came_from.partition("?")[0] != page.partition("?")[0]
    if request.method != "POST" or not is_elsewhere or not 0 < len(came_from) <= LONGEST:
        return page
    return f"{page}{'&' if '?' in page else '?'}{urlencode({BACK: came_from})}"


def to_list(request: HttpRequest, *lists: str) -> HttpResponseBase:
    """Redirect to the list whose row a form stood in, with its search, filters, order and place.

    `lists` are addresses of pages that have such a form; the first is for who came from elsewhere.
    A question for the password may have come between: see `after_password`.
    """
    places = (_came_from(request), request.GET.get(BACK, ""))
    found = [each for each in places if each.partition("?")[0] in lists and len(each) <= LONGEST]
    return redirect(found[0] if found else lists[0])


def _reverse(name: str, kwargs: dict[str, Any]) -> str:
    names = [*kwargs]
    for count in range(len(names), -1, -1):
        try:
            return reverse(name, kwargs={each: kwargs[each] for each in names[:count]})
        except NoReverseMatch:
            continue
    raise NoReverseMatch(name)


def _came_from(request: HttpRequest) -> str:
    """Return the path and query of the page of ours that the browser says it was on, or nothing."""
    said = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    try:
        is_ours = url_has_allowed_host_and_scheme(said, {request.get_host()})
        parts = urlsplit(said)
    except ValueError:
        return ""
    if not is_ours or not parts.path.startswith("/") or parts.path.startswith("//"):
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
