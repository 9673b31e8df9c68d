"""Profile: one's own account, devices and password."""

from typing import cast

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms.base import posted
from accounts.forms.passwords import ChangePasswordForm
from accounts.guards import PageRequest, signed_in_view
from accounts.login import known_devices
from accounts.login.session_store import digest_of
from accounts.login.ways_back import posted_from
from accounts.models import User
from accounts.permissions import Actor
from accounts.services import passwords, sessions, users
from accounts.views.sessions import mark_refused


@signed_in_view
@require_safe
def profile(request: HttpRequest) -> HttpResponse:
    """Show the page."""
    mine = sessions.of(cast(User, request.user))
    context = {"sessions": mine, "current": digest_of(request.session.session_key or "")}
    return render(request, "accounts/profile.html", context)


@signed_in_view
@sensitive_post_parameters("current", "password")
@require_http_methods(["GET", "HEAD", "POST"])
def change_password(request: HttpRequest) -> HttpResponse:
    """Set a new password, given the current one. Every other session ends."""
    user = cast(User, request.user)
    form = ChangePasswordForm(posted(request), user=user)
    if form.is_valid() and _is_current(request, form):
        passwords.change(user, form.cleaned_data["password"], _actor(request, user))
        update_session_auth_hash(request, user)
        messages.success(request, "Your password is changed. Other devices are logged out.")
        response = redirect("profile")
        known_devices.remember(response, user)
        return response
    return mark_refused(request, render(request, "accounts/change_password.html", {"form": form}))


def _is_current(request: HttpRequest, form: ChangePasswordForm) -> bool:
    # After the new one's rules: a form that is refused anyway costs no hash.
    adapter = get_adapter(request)
    try:
        if adapter.reauthenticate(request.user, form.cleaned_data["current"]):
            return True
        form.add_error("current", adapter.error_messages["incorrect_password"])
    except ValidationError as locked_out:
        form.add_error("current", locked_out)
    return False


@signed_in_view
@posted_from("profile")
def session_end(request: HttpRequest, digest: str) -> HttpResponse:
    """Log one device out."""
    user = cast(User, request.user)
    if not sessions.end(user, digest, _actor(request, user)):
        raise Http404
    messages.success(request, "That device is logged out.")
    return redirect("profile")


@signed_in_view
@posted_from("profile")
def session_end_others(request: HttpRequest) -> HttpResponse:
    """Log every other device out."""
    user = cast(User, request.user)
    sessions.end_others(user, request.session.session_key or "", _actor(request, user))
    messages.success(request, "All other devices are logged out.")
    return redirect("profile")


def _actor(request: HttpRequest, user: User) -> Actor:
    return users.actor(user, cast(PageRequest, request).address)
