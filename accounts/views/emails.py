"""The pages behind the link that confirms a new e-mail address. Opening it uses nothing up."""

from typing import cast

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms.base import StrictForm, posted, render_forms
from accounts.guards import PageRequest, open_view
from accounts.login import link_sessions
from accounts.models import LinkPurpose
from accounts.services import link_tokens, profiles

SESSION_NAME = "email_digest"


@open_view("the link's token is the credential")
@require_safe
def email_link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the URL at once."""
    digest = link_tokens.digest_if_usable(LinkPurpose.EMAIL, token)
    if digest is None:
        return _closed(request)
    return link_sessions.enter(request, SESSION_NAME, digest, "email_confirm")


@open_view("the link, kept as a digest in the session, is the credential")
@require_http_methods(["GET", "HEAD", "POST"])
def email_confirm(request: HttpRequest) -> HttpResponse:
    """Say which account gets the address, and let its reader confirm."""
    digest = request.session.get(SESSION_NAME, "")
    person = profiles.find(digest)
    if person is None:
        return _closed(request)
    form = StrictForm(posted(request))
    if form.is_valid():
        request.session.pop(SESSION_NAME, None)
        try:
            profiles.confirm_email(digest, cast(PageRequest, request).address)
        except profiles.Closed:
            return _closed(request)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, "Your new e-mail address is confirmed.")
            return redirect("profile")
    context = {"form": form, "person": person}
    return render_forms(request, "accounts/email_confirm.html", context)


def _closed(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/email_closed.html", status=410)
