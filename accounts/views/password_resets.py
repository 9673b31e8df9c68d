"""Password resets: ask for a link, open it, choose a new password."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms.base import posted, render_forms
from accounts.forms.passwords import ForgottenPasswordForm, NewPasswordForm
from accounts.guards import PageRequest, open_view
from accounts.login import known_devices, link_sessions
from accounts.mail import outbox
from accounts.models import LinkPurpose
from accounts.services import link_tokens, password_resets

SESSION_NAME = "password_reset_digest"


@open_view("people who forgot their password ask here")
@require_http_methods(["GET", "HEAD", "POST"])
def forgotten_password(request: HttpRequest) -> HttpResponse:
    """Ask for a link. The answer is the same whoever was named."""
    form = ForgottenPasswordForm(posted(request))
    is_asked = outbox.is_configured() and form.is_valid()
    if is_asked:
        password_resets.ask(form.cleaned_data["login"], cast(PageRequest, request).address)
    context = {"form": form, "is_asked": is_asked, "sends_mail": outbox.is_configured()}
    is_refused = form.is_bound and outbox.is_configured() and not is_asked
    status = 422 if is_refused else 200
    return render_forms(request, "accounts/forgotten_password.html", context, status)


@open_view("the link's token is the credential")
@require_safe
def password_reset_link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the URL at once. Opening the link does not use it up."""
    digest = link_tokens.digest_if_usable(LinkPurpose.PASSWORD_RESET, token)
    if digest is None:
        return _closed(request)
    return link_sessions.enter(request, SESSION_NAME, digest, "password_reset")


@open_view("the link, kept as a digest in the session, is the credential")
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def password_reset(request: HttpRequest) -> HttpResponse:
    """Set the new password. It logs nobody in: the login page does, under its own rules."""
    digest = request.session.get(SESSION_NAME, "")
    user = password_resets.person_of(digest)
    if user is None:
        return _closed(request)
    form = NewPasswordForm(posted(request), user=user)
    if not form.is_valid():
        context = {"form": form, "person": user}
        return render_forms(request, "accounts/password_reset.html", context)
    try:
        address = cast(PageRequest, request).address
        user = password_resets.reset(digest, form.cleaned_data["password"], address)
    except password_resets.LinkClosed:
        return _closed(request)
    request.session.flush()
    messages.success(request, "Your password is changed. Log in with it.")
    response = redirect("account_login")
    # Whoever got the mail may try again here, even if strangers use up this network's attempts.
    known_devices.remember(response, user)
    return response


def _closed(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/password_reset_closed.html", status=410)
