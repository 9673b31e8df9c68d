"""Publishable keys: the web pages that may use one, and the chatflow that it is pinned to."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.audit import trail
from accounts.forms.versions import LOST
from accounts.guards import shows_secret
from accounts.login.ways_back import posted_from
from accounts.permissions import Permission
from accounts.services.versions import Stale
from apikeys import resources, searches
from apikeys.services import publishable
from apikeys.views.key_guard import KeyRequest, get_key, key_view
from apikeys.views.key_page import SHOWN_CHATFLOWS, key_context

MAX_TYPED = 300  # characters of an origin that a form takes


@key_view(Permission.APIKEYS_UPDATE)
@shows_secret
@posted_from("key_page")
def key_add_origin(request: KeyRequest) -> HttpResponse:
    """Let the pages of one more origin use the key."""
    typed = request.POST.get("origin", "")[:MAX_TYPED]
    try:
        origin = publishable.add_origin(request.key, typed, request.principal.actor)
    except ValidationError as error:
        return _again(request, error, typed)
    messages.success(
        request, f"Pages of {origin} may use {request.key.name} from the next call on."
    )
    return redirect("key_page", request.team.slug, request.key.id)


@key_view(Permission.APIKEYS_UPDATE)
@shows_secret
@posted_from("key_page")
def key_remove_origin(request: KeyRequest) -> HttpResponse:
    """Refuse the pages of an origin."""
    origin = request.POST.get("origin", "")[:MAX_TYPED]
    try:
        publishable.remove_origin(request.key, origin, request.principal.actor)
    except ValidationError as error:
        return _again(request, error, "")
    messages.success(request, f"Pages of {origin} are refused from the next call on.")
    return redirect("key_page", request.team.slug, request.key.id)


@key_view(Permission.APIKEYS_UPDATE, fresh_login=True)
@require_http_methods(["GET", "HEAD", "POST"])
def key_pin(request: KeyRequest) -> HttpResponse:
    """Pin a publishable key to another chatflow, which it opens in place of the present one."""
    if not request.principal.may_do(Permission.CHATFLOWS_UPDATE):
        raise PermissionDenied(Permission.CHATFLOWS_UPDATE)
    key = request.key
    if key.pinned_to is None:
        messages.info(request, f"{key.name} is a secret key, which is pinned to no chatflow.")
        return redirect("key_page", request.team.slug, key.id)
    if request.method != "POST":
        typed = request.GET.get("find", "")
        if not searches.is_kept(typed.replace("\0", "")):
            page = reverse("key_pin", args=[request.team.slug, key.id])
            return redirect(page + searches.query(request, typed, "find"))
        return render(request, "apikeys/pin.html", _pin_context(request))
    try:
        seen = _posted_id(request, "version", LOST)
        chosen = _posted_id(request, "chatflow", publishable.NO_PIN)
        publishable.pin(key, chosen, request.principal.actor, seen=seen)
    except Stale:
        request.key = get_key(request, key.id)
        last = trail.latest_by(request.team.id, "api_key", key.id, "api_key.pin")
        context = {**_pin_context(request), "pinned_by": last}
        return render(request, "apikeys/pin.html", context, status=422)
    except ValidationError as error:
        context = {**_pin_context(request), "pin_errors": error.messages}
        return render(request, "apikeys/pin.html", context, status=422)
    messages.success(request, f"{key.name} is pinned. From the next call on it opens only this.")
    return redirect("key_page", request.team.slug, key.id)


def _again(request: KeyRequest, error: ValidationError, typed: str) -> HttpResponse:
    context = {**key_context(request), "origin_errors": error.messages, "origin_typed": typed}
    return render(request, "apikeys/key.html", context, status=422)


def _pin_context(request: KeyRequest) -> dict[str, Any]:
    find = searches.searchable(request.GET.get("find", "")) or ""
    return {
        "key": request.key,
        "find": find,
        "choices": resources.registry().choices(request.key, find, SHOWN_CHATFLOWS),
        "chosen": request.POST.get("chatflow", str(request.key.pinned_to)),
    }


def _posted_id(request: KeyRequest, name: str, words: str) -> UUID:
    try:
        return UUID(request.POST.get(name, ""))
    except ValueError:
        raise ValidationError({"pinned_to": words}) from None
