"""The pages behind the link that undoes a holder's rotation. Opening it uses nothing up."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms.base import StrictForm, posted, render_forms
from accounts.guards import PageRequest, open_view
from accounts.login import link_sessions
from accounts.models import LinkPurpose
from accounts.services import link_tokens
from apikeys.services.life import holder_rotation

SESSION_NAME = "key_undo"


@open_view("the link's token is the credential")
@require_safe
def key_undo_link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the URL at once. Use nothing up, because mail scanners open links."""
    digest = link_tokens.digest_if_usable(LinkPurpose.KEY_UNDO, token)
    if digest is None:
        return _closed(request)
    return link_sessions.enter(request, SESSION_NAME, digest, "key_undo")


@open_view("the link, kept as a digest in the session, is the credential")
@require_http_methods(["GET", "HEAD", "POST"])
def key_undo(request: HttpRequest) -> HttpResponse:
    """Say what would end, and let the person undo the rotation."""
    digest = request.session.get(SESSION_NAME, "")
    found = holder_rotation.find(digest)
    if found is None:
        return _closed(request)
    form = StrictForm(posted(request))
    if not form.is_valid():
        return render_forms(request, "apikeys/holder/undo.html", {"form": form, "undo": found})
    try:
        found = holder_rotation.undo(digest, cast(PageRequest, request).address)
    except holder_rotation.Closed:
        return _closed(request)
    request.session.pop(SESSION_NAME, None)
    return render(request, "apikeys/holder/undone.html", {"undo": found})


def _closed(request: HttpRequest) -> HttpResponse:
    return render(request, "apikeys/holder/undo_closed.html", status=410)
