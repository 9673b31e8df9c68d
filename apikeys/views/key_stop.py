"""Revoke the secrets of a key: its text ends at once and for good, the key stays."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.permissions import Permission
from apikeys import resources
from apikeys.services.life import rotation
from apikeys.views.key_guard import KeyRequest, key_view
from apikeys.views.key_page import USE_DAYS


@key_view(Permission.APIKEYS_UPDATE)
@require_http_methods(["GET", "HEAD", "POST"])
def key_revoke(request: KeyRequest) -> HttpResponse:
    """Show what would stop when the text ends, and end it."""
    key = request.key
    if request.method != "POST":
        context = {
            "key": key,
            "closing": resources.registry().closed_without([key]),
            "calls_14_days": resources.registry().calls_since(key, USE_DAYS),
        }
        return render(request, "apikeys/revoke.html", context)
    if rotation.revoke_secrets(key, request.principal.actor):
        messages.success(request, f"The text of {key.name} has ended. Its next call is refused.")
    else:
        messages.info(request, f"{key.name} had no secret that works.")
    return redirect("key_page", request.team.slug, key.id)
