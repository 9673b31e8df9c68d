"""The pages of a hand-over: the maker's, who sees no text, and the receiver's, who sees it once."""

from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from accounts.crypto import digests
from accounts.forms.base import note, posted, render_forms
from accounts.guards import PageRequest, open_view, shows_secret
from accounts.login import link_sessions
from accounts.login.ways_back import posted_from
from accounts.permissions import Permission
from apikeys import resources
from apikeys.forms.hand_overs import LINK, HandOverForm, link_of
from apikeys.models import ApiKey
from apikeys.services import keys, rights
from apikeys.services.life import hand_overs
from apikeys.views.key_guard import KeyRequest, key_view
from apikeys.views.keys import link_shown

SESSION_NAME = "key_link"


@key_view(Permission.APIKEYS_UPDATE, fresh_login=True)
@shows_secret
@sensitive_post_parameters("passphrase")
@sensitive_variables("token")
@require_http_methods(["GET", "HEAD", "POST"])
def key_hand_over(request: KeyRequest) -> HttpResponse:
    """Create a link for the holder of a key that has no text yet. The answer shows it, once.

    For a key with a text that is a rotation, and its page asks for more.
    """
    key = request.key
    rights.check_may_issue(request.principal, key.scopes)
    if key.secret is not None:
        url = reverse("key_rotate", args=[request.team.slug, key.id])
        return redirect(f"{url}?way={LINK}")
    form = HandOverForm(posted(request))
    if form.is_valid():
        try:
            made, token = hand_overs.make(
                key, request.principal.actor, **link_of(form.cleaned_data)
            )
        except ValidationError as error:
            note(form, error)
        else:
            return link_shown(request, made, token)
    context = {"key": key, "form": form, "latest": hand_overs.latest_of(key)}
    return render_forms(request, "apikeys/handover/make.html", context)


@key_view(Permission.APIKEYS_UPDATE)
@posted_from("key_page")
def key_hand_over_end(request: KeyRequest) -> HttpResponse:
    """End the link that waits."""
    latest = hand_overs.latest_of(request.key)
    if latest is not None and hand_overs.revoke(latest, request.principal.actor):
        messages.success(request, "The link has ended. Nobody can take a text by it.")
    else:
        messages.info(request, "No link of this key waits.")
    return redirect("key_page", request.team.slug, request.key.id)


@open_view("the link's token is the credential")
@require_safe
def key_link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the URL at once. Use nothing up, because link previews open links."""
    digest = digests.link_token_digest(token)
    found = hand_overs.find(digest)
    if found is None or not found.is_waiting:
        return _closed(request, found)
    return link_sessions.enter(request, SESSION_NAME, digest, "key_link_open")


@open_view("the link, kept as a digest in the session, is the credential")
@shows_secret
@sensitive_post_parameters("passphrase")
@sensitive_variables("text")
@require_http_methods(["GET", "HEAD", "POST"])
def key_link_open(request: HttpRequest) -> HttpResponse:
    """Say what waits, and show the text to whoever presses the button first."""
    digest = request.session.get(SESSION_NAME, "")
    found = hand_overs.find(digest)
    if found is None or not found.is_waiting:
        return _closed(request, found)
    context: dict[str, Any] = {"hand_over": found, "found": keys.found_of(found.key)}
    if request.method != "POST":
        return render(request, "apikeys/handover/open.html", context)
    if request.POST.get("link") != str(found.pk):
        # Another tab opened another link since, and its key is not the one that was looked at.
        context["is_other"] = True
        return render(request, "apikeys/handover/open.html", context, status=409)
    address = cast(PageRequest, request).address
    try:
        key, text = hand_overs.take(digest, request.POST.get("passphrase", ""), address)
    except hand_overs.Closed as closed:
        return _closed(request, closed.hand_over)
    except hand_overs.NotNow:
        context["not_now"], status = True, 409
    except hand_overs.WrongPassphrase as wrong:
        context["left"], status = wrong.left, 422
    else:
        request.session.pop(SESSION_NAME, None)
        return _shown_once(request, key, text)
    return render(request, "apikeys/handover/open.html", context, status=status)


def _shown_once(request: HttpRequest, key: ApiKey, text: str) -> HttpResponse:
    opened = resources.registry().of_keys([key]).get(key.id, [])
    context = {
        "key": key,
        "key_text": text,
        "resources": opened,
        "snippets": resources.registry().snippets(opened[0]) if opened else None,
        "found": keys.found_of(key),
        "holder_url": f"{settings.PUBLIC_URL}/key",
    }
    return render(request, "apikeys/handover/taken.html", context)


def _closed(request: HttpRequest, found: Any) -> HttpResponse:
    return render(request, "apikeys/handover/closed.html", {"hand_over": found}, status=410)
