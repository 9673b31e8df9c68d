"""Disable a key, which can be undone at once, and enable it again."""

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.login.ways_back import posted_from, to_list
from accounts.permissions import Permission
from apikeys import resources
from apikeys.leaks import reports
from apikeys.services import keys, rights
from apikeys.views.key_guard import KeyRequest, key_view

USE_DAYS = 14
NAMED = 5  # chatflows that were closed, by name


@key_view(Permission.APIKEYS_UPDATE)
@posted_from("key_page")
def key_disable(request: KeyRequest) -> HttpResponseBase:
    """Disable a key. The toast of the answer has a button that undoes it."""
    key = request.key
    if key.disabled_at is not None:
        messages.info(request, f"{key.name} was disabled already.")
        return _back(request)
    closed = [resource.name for resource in resources.registry().closed_without([key])]
    keys.disable(key, request.principal.actor)
    undo = reverse("key_enable", args=[request.team.slug, key.id])
    undo += "?back=page" if "page" in request.POST.getlist("back") else ""
    said = f"{key.name} is disabled. Its next call is refused."
    messages.success(request, said, extra_tags=undo)
    if closed:
        more = f" and {len(closed) - NAMED:,} more" if len(closed) > NAMED else ""
        names = ", ".join(closed[:NAMED]) + more
        messages.warning(request, f"Closed to everyone now, as no other key opens it: {names}.")
    return _back(request)


@key_view(Permission.APIKEYS_UPDATE, fresh_login=True)
@require_http_methods(["GET", "HEAD", "POST"])
def key_enable(request: KeyRequest) -> HttpResponseBase:
    """Enable a disabled key. Its text works again, so this asks what making it asked.

    The page is what remains to do after the password was asked for again.
    """
    key = request.key
    rights.check_may_issue(request.principal, key.scopes)
    if key.disabled_at is None:
        messages.info(request, f"{key.name} is not disabled.")
        return _back(request)
    if request.method != "POST":
        opened = resources.registry().of_keys([key]).get(key.id, [])
        context = {"key": key, "resources": opened, "leak": reports.open_report(key)}
        return render(request, "apikeys/enable.html", context)
    keys.enable(key, request.principal.actor)
    messages.success(request, f"{key.name} is enabled again.")
    return _back(request)


def _back(request: KeyRequest) -> HttpResponseBase:
    """Return to the key's page if the button stood there, else to the list as it was."""
    page = reverse("key_page", args=[request.team.slug, request.key.id])
    if "page" in (*request.POST.getlist("back"), *request.GET.getlist("back")):
        return redirect(page)
    return to_list(request, reverse("key_list", args=[request.team.slug]), page)
