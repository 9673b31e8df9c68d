"""API keys: issue (the text is shown once), delete."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms.base import posted, render_forms
from accounts.guards import TeamRequest, shows_secret, team_view
from accounts.login import fresh_logins
from accounts.permissions import Permission
from apikeys import resources
from apikeys.forms.keys import DeleteKeyForm
from apikeys.models import ApiKey, HandOver
from apikeys.services import keys, rights
from apikeys.services.life import hand_overs

USE_DAYS = 14


@team_view(Permission.APIKEYS_CREATE, fresh_login=True)
@shows_secret
@require_http_methods(["GET", "HEAD", "POST"])
def key_issue(request: TeamRequest, key_id: UUID) -> HttpResponse:
    """Make the secret of a key that has none, or a new one where nobody may have seen the text.

    The first is DefaultKey after an unattended start, the second a key whose page never came: that
    is asked about first, since what is not recorded may use the text all the same.
    """
    key = _get(request, key_id)
    if request.method != "POST":
        if not key.is_usable or key.last_used_at:  # back from confirming the password
            return redirect("key_list", request.team.slug)
        rights.check_may_issue(request.principal, key.scopes)
        calls = resources.registry().calls_since(key, USE_DAYS)
        context = {"key": key, "calls_14_days": calls, "found": keys.found_of(key)}
        return render(request, "apikeys/issue.html", context)
    try:
        is_unused = "unused" in request.POST
        text = keys.issue(
            key, request.principal.actor, replace_unused=is_unused, shown_to=request.user
        )
    except keys.AlreadyIssued:
        messages.warning(request, f"{key.name} has a secret already. Its text was shown once.")
        return redirect("key_list", request.team.slug)
    return shown_once(request, key, text)


@team_view(Permission.APIKEYS_VIEW)
@require_safe
def key_first_call(request: TeamRequest, key_id: UUID) -> HttpResponse:
    """Show the fragment that waits for a new key's first call."""
    key = _get(request, key_id)
    context = {"call": resources.registry().first_call(key), "first_call_url": request.path}
    return render(request, "apikeys/created.html#first_call", context)


@team_view(Permission.APIKEYS_DELETE)
@require_http_methods(["GET", "HEAD", "POST"])
def key_delete(request: TeamRequest, key_id: UUID) -> HttpResponseBase:
    """Show what would stop when the key is deleted, and delete it.

    A replacement opens chatflows, so it asks for a fresh login.
    """
    key = _get(request, key_id)
    form = DeleteKeyForm(posted(request), key=key)
    if form.is_valid():
        replacement = form.cleaned_data["replacement"]
        if replacement is not None and not fresh_logins.is_fresh(request):
            return fresh_logins.ask(request)  # it would open chatflows
        keys.delete(key, request.principal.actor, replacement=replacement)
        messages.success(request, f"{key.name} is deleted. Its next call is refused.")
        return redirect("key_list", request.team.slug)
    opened = resources.registry().of_keys([key]).get(key.id, [])
    context = {
        "key": key,
        "resources": opened,
        "closing": [resource for resource in opened if resource.would_close],
        "calls_14_days": resources.registry().calls_since(key, USE_DAYS),
        "form": form,
    }
    return render_forms(request, "apikeys/delete.html", context)


def _kept(request: TeamRequest) -> QuerySet[ApiKey]:
    kept = ApiKey.objects.of(request.team).kept()
    return kept.with_status().select_related("created_by").order_by("name_key")


def _get(request: TeamRequest, key_id: UUID) -> ApiKey:
    return get_object_or_404(_kept(request), pk=key_id)


def link_shown(request: HttpRequest, made: HandOver, token: str) -> HttpResponse:
    """Show the link for the holder of a key, this once."""
    context = {
        "key": made.key,
        "hand_over": made,
        "link": hand_overs.url(token),
        "found": keys.found_of(made.key),
    }
    return render(request, "apikeys/handover/made.html", context)


def shown_once(request: TeamRequest, key: ApiKey, text: str) -> HttpResponse:
    """Show the page with a new text. No other page and no second answer has it.

    That of a publishable key stands on the key's own page at any time.
    """
    if key.is_publishable:
        messages.success(request, f"{key.name} is ready. Its text stands here at any time.")
        return redirect("key_page", request.team.slug, key.id)
    opened = resources.registry().of_keys([key]).get(key.id, [])
    context: dict[str, Any] = {
        "key": key,
        "key_text": text,
        "resources": opened,
        "snippets": resources.registry().snippets(opened[0]) if opened else None,
        "first_call_url": reverse("key_first_call", args=[request.team.slug, key.id]),
        "call": None,
        "holder_address": settings.PUBLIC_URL + reverse("holder"),
        "found": keys.found_of(key),
    }
    return render(request, "apikeys/created.html", context)
