"""The holder's page: a key's text opens it, and it shows that key alone."""

from typing import Any, cast

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms.base import StrictForm, posted, render_forms
from accounts.guards import PageRequest, open_view, shows_secret
from accounts.limits.too_many import TooMany
from accounts.login.ways_back import posted_from
from accounts.models import Membership
from apikeys import resources
from apikeys.holders import overview, visits
from apikeys.holders.visits import Caller
from apikeys.leaks import reports
from apikeys.models import ApiKey, KeyVisit
from apikeys.services.life import holder_rotation

ENTERED = "the key's text opens it, and then a visit of 15 minutes"
WRONG = (
    "This text opens nothing here. Check that it is whole. It may also have ended, or it may not "
    "be used from where you are."
)


class TextForm(StrictForm):
    """The one field. A text is taken as it is: every wrong one gets the same answer."""

    text = forms.Field(required=False)


@open_view(ENTERED)
@sensitive_post_parameters("text")
@sensitive_variables()
@require_http_methods(["GET", "HEAD", "POST"])
def holder(request: HttpRequest) -> HttpResponse:
    """Ask for a text, open a visit with it, or show the key of the visit."""
    if request.method != "POST":
        visit = _visit(request)
        return _page(request, visit) if visit else _ask(request)
    form = TextForm(request.POST)
    if not form.is_valid():
        return _ask(request, str(form.non_field_errors()[0]), 422)
    text = str(form.cleaned_data["text"] or "").strip()
    if not text:  # nothing was tried, so nothing is counted
        return _ask(request, WRONG, 422)
    try:
        value = visits.begin(text, _caller(request))
    except TooMany as error:
        return error.mark(_ask(request, str(error)))
    except visits.WrongText:
        return _ask(request, WRONG, 422)
    visits.end(_cookie(request))
    response = redirect("holder")
    _set_cookie(response, value)
    return response


@open_view("leads to the address without a slash")
@require_safe
def holder_slash(request: HttpRequest) -> HttpResponse:
    """Lead to the page."""
    return redirect("holder")


@open_view("ends a visit; without one it does nothing")
@posted_from("holder")
def holder_leave(request: HttpRequest) -> HttpResponse:
    """End the visit."""
    visits.end(_cookie(request))
    response = redirect("holder")
    _set_cookie(response, "")
    return response


@open_view(ENTERED)
@shows_secret
@posted_from("holder")
@sensitive_variables()
def holder_rotate(request: HttpRequest) -> HttpResponse:
    """Create a new text of the key, and show it this once."""
    visit = _visit(request)
    if visit is None:
        return redirect("holder")
    key = visit.key_secret.key
    form = StrictForm(request.POST)
    if not form.is_valid():
        return _page(request, visit, str(form.non_field_errors()[0]), 422)
    try:
        text = holder_rotation.rotate(key, visit.key_secret, cast(PageRequest, request).address)
    except (holder_rotation.NotNow, ApiKey.DoesNotExist) as error:
        said = str(error) if isinstance(error, holder_rotation.NotNow) else "It is gone."
        return _page(request, visit, said, 409)
    old = visit.key_secret
    old.refresh_from_db()
    context = {"key": key, "visit": visit, "key_text": text, "old_ends_at": old.ends_at}
    return render(request, "apikeys/holder/rotated.html", context)


@open_view(ENTERED)
@require_http_methods(["GET", "HEAD", "POST"])
def holder_stop(request: HttpRequest) -> HttpResponse:
    """Ask before the key is stopped as a leaked one, and stop it."""
    visit = _visit(request)
    if visit is None:
        return redirect("holder")
    key = visit.key_secret.key
    context = {"key": key, "visit": visit, "asked": _asked(key)}
    form = StrictForm(posted(request))
    if not form.is_valid():
        context |= {"form": form, "opens": resources.registry().of_keys([key]).get(key.id, [])}
        return render_forms(request, "apikeys/holder/stop.html", context)
    reports.stop(visit.key_secret, cast(PageRequest, request).address)
    visits.end(_cookie(request))
    response = render(request, "apikeys/holder/stopped.html", context)
    _set_cookie(response, "")
    return response


def _page(request: HttpRequest, visit: KeyVisit, said: str = "", status: int = 200) -> HttpResponse:
    key, secret = visit.key_secret.key, visit.key_secret
    context: dict[str, Any] = {
        "key": key,
        "visit": visit,
        "said": said,
        "overview": overview.of(key, secret),
        "is_limited": any(limit is not None for limit in key.limits),
        "asked": _asked(key),
        "why_not": holder_rotation.why_not(key, secret),
        "address_here": _address_here(),
    }
    return render(request, "apikeys/holder/page.html", context, status=status)


def _ask(request: HttpRequest, said: str = "", status: int = 200) -> HttpResponse:
    context = {"said": said, "address_here": _address_here()}
    return render(request, "apikeys/holder/enter.html", context, status=status)


def _asked(key: ApiKey) -> str:
    """Return the name of whoever answers questions about the key, or an empty text."""
    contact = key.contact
    if contact is None or not contact.is_active:
        return ""
    is_member = Membership.objects.filter(team=key.team, user=contact).exists()
    return contact.username if is_member else ""


def _address_here() -> str:
    return settings.PUBLIC_URL + reverse("holder")


def _visit(request: HttpRequest) -> KeyVisit | None:
    return visits.find(_cookie(request), _caller(request))


def _caller(request: HttpRequest) -> Caller:
    origin = request.headers.get("Origin")
    address = cast(PageRequest, request).address
    return Caller(address, () if origin is None else (origin,))


def _cookie(request: HttpRequest) -> str:
    return request.COOKIES.get(settings.KEY_COOKIE_NAME, "")[:100]


def _set_cookie(response: HttpResponse, value: str) -> None:
    response.set_cookie(
        settings.KEY_COOKIE_NAME,
        value,
        max_age=visits.LIFETIME if value else 0,
        path=reverse("holder"),
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Strict",
    )
