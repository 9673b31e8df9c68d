"""Contacts of keys: send the link again, and the pages behind it. Opening it uses nothing up."""

from typing import cast

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms.base import StrictForm, posted, render_forms
from accounts.guards import PageRequest, open_view
from accounts.limits.too_many import TooMany
from accounts.login import link_sessions
from accounts.login.ways_back import posted_from
from accounts.models import LinkPurpose
from accounts.permissions import Permission
from accounts.services import link_tokens
from apikeys.services import contacts
from apikeys.views.key_guard import KeyRequest, key_view

SESSION_NAME = "key_contact"


@key_view(Permission.APIKEYS_UPDATE)
@posted_from("key_page")
def key_contact_resend(request: KeyRequest) -> HttpResponse:
    """Send the contact a new link. The old one ends."""
    try:
        contacts.resend(request.key, request.principal.actor)
    except contacts.Closed:
        messages.warning(request, "No address waits for a link.")
    except TooMany as error:
        messages.warning(request, str(error))
    except ValidationError as error:
        messages.warning(request, error.messages[0])
    else:
        messages.success(request, f"A new link is on its way to {request.key.contact_email}.")
    return redirect("key_page", request.team.slug, request.key.id)


@open_view("the link's token is the credential")
@require_safe
def key_contact_link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the URL at once. Use nothing up, because mail scanners open links."""
    digest = link_tokens.digest_if_usable(LinkPurpose.KEY_CONTACT, token)
    if digest is None:
        return _closed(request)
    return link_sessions.enter(request, SESSION_NAME, digest, "key_contact_confirm")


@open_view("the link, kept as a digest in the session, is the credential")
@require_http_methods(["GET", "HEAD", "POST"])
def key_contact_confirm(request: HttpRequest) -> HttpResponse:
    """Say which mails would come, and let the person confirm."""
    digest = request.session.get(SESSION_NAME, "")
    key = contacts.find(digest)
    if key is None:
        return _closed(request)
    form = StrictForm(posted(request))
    if not form.is_valid():
        context = {"form": form, "key": key}
        return render_forms(request, "apikeys/contact_confirm.html", context)
    try:
        key = contacts.confirm(digest, cast(PageRequest, request).address)
    except contacts.Closed:
        return _closed(request)
    request.session.pop(SESSION_NAME, None)
    return render(request, "apikeys/contact_confirmed.html", {"key": key})


def _closed(request: HttpRequest) -> HttpResponse:
    return render(request, "apikeys/contact_closed.html", status=410)
