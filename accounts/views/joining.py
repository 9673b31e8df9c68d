"""Joining: the pages behind an invitation's link. Opening it does not use it up."""

from typing import cast

from django.contrib import messages
from django.contrib.auth import login, logout
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from accounts.crypto import digests
from accounts.forms.base import StrictForm, posted, render_forms
from accounts.forms.members import JoinForm
from accounts.guards import PageRequest, open_view
from accounts.login import fresh_logins, known_devices, link_sessions
from accounts.login.ways_back import posted_from
from accounts.mail import addresses
from accounts.models import Invitation, LinkPurpose, Membership, User
from accounts.services import invitations, link_tokens

SESSION_NAME = "invitation"
LOG_IN_INSTEAD = "This address has an account. Log in with it, then join."


@open_view("the link's token is the credential")
@require_safe
def link(request: HttpRequest, token: str, proof: str = "") -> HttpResponse:
    """Take the token out of the URL at once. Use nothing up, because mail scanners open links."""
    known = link_tokens.find(LinkPurpose.INVITATION, token)
    if known is None:
        return _closed(request, None)
    has_mailbox = digests.is_mailbox_proof(token, proof)
    kept = {"digest": known.digest, "has_mailbox": has_mailbox}
    return link_sessions.enter(request, SESSION_NAME, kept, "join")


mailed_link = link


@open_view("the invitation's link, kept as a digest in the session, is the credential")
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    """Let a new person or the account of this address join. Another account can only switch."""
    digest, _ = _kept(request)
    invitation = invitations.find(digest)
    if invitation is None or not invitations.opens(digest, invitation):
        return _closed(request, invitation)
    try:
        if not request.user.is_authenticated:
            return _join_as_new(request, invitation)
        if addresses.key(request.user.email) != invitation.email_key:
            context = {"invitation": invitation}
            return render(request, "accounts/join_switch.html", context)
        return _join_as(request, invitation, request.user)
    except invitations.Closed:
        return _closed(request, invitation)


@open_view("ends the visitor's own session, and keeps the link that was opened in it")
@posted_from("join")
def switch(request: HttpRequest) -> HttpResponse:
    """Log out of another account and return to the invitation."""
    kept = request.session.get(SESSION_NAME)
    logout(request)
    if kept is not None:
        request.session[SESSION_NAME] = kept
    return redirect("join")


def _join_as_new(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    digest, has_mailbox = _kept(request)
    context = {"invitation": invitation, "log_in_url": _log_in_url()}
    # Only who reads mail there is told whether the address has an account.
    if has_mailbox and User.objects.filter(email__iexact=invitation.email).exists():
        return render(request, "accounts/join_log_in.html", context)
    form = JoinForm(posted(request))
    if form.is_valid():
        try:
            membership = invitations.accept_as_new(
                digest,
                has_mailbox=has_mailbox,
                address=cast(PageRequest, request).address,
                **form.cleaned_data,
            )
        except ValidationError as error:
            _add_error(form, error)
        else:
            login(request, membership.user)
            fresh_logins.note_password(request)
            response = _joined(request, membership)
            known_devices.remember(response, membership.user)
            return response
    return render_forms(request, "accounts/join.html", {**context, "form": form})


def _join_as(request: HttpRequest, invitation: Invitation, user: User) -> HttpResponse:
    form = StrictForm(posted(request))
    if form.is_valid():
        digest, has_mailbox = _kept(request)
        address = cast(PageRequest, request).address
        membership = invitations.accept_as(digest, user, has_mailbox=has_mailbox, address=address)
        return _joined(request, membership)
    context = {"invitation": invitation, "form": form}
    return render_forms(request, "accounts/join_as.html", context)


def _joined(request: HttpRequest, membership: Membership) -> HttpResponse:
    request.session.pop(SESSION_NAME, None)
    messages.success(request, f"You are in. Welcome to {membership.team.name}.")
    return redirect("chatflow_list", membership.team.slug)


def _kept(request: HttpRequest) -> tuple[str, bool]:
    kept = request.session.get(SESSION_NAME) or {}
    return kept.get("digest", ""), bool(kept.get("has_mailbox"))


def _is_members(request: HttpRequest, invitation: Invitation) -> bool:
    """Whether the link's own person looks: they used it, and are in the team."""
    if not request.user.is_authenticated or invitation.accepted_by_id != request.user.pk:
        return False
    return Membership.objects.filter(team=invitation.team, user=request.user).exists()


def _log_in_url() -> str:
    return f"{resolve_url('account_login')}?{urlencode({'next': reverse('join')})}"


def _add_error(form: JoinForm, error: ValidationError) -> None:
    # A model names its fields itself; the password rules don't say whose they are.
    if not hasattr(error, "error_dict"):
        form.add_error("password", error)
    elif "username" in error.error_dict:
        form.add_error("username", error.error_dict["username"])
    else:  # the address or the constraint on it: the form has no such field
        form.add_error(None, LOG_IN_INSTEAD)


def _closed(request: HttpRequest, invitation: Invitation | None) -> HttpResponse:
    """Lead a member who used the link into the team; tell everyone else what happened to it."""
    if invitation is not None and _is_members(request, invitation):
        messages.info(request, f"You are in {invitation.team.name} already.")
        return redirect("chatflow_list", invitation.team.slug)
    # Whom to ask, for those who hold a link that was issued once; to others nothing.
    inviter = invitation.inviter if invitation else ""
    state = invitation.state() if invitation else ""
    context = {"inviter": inviter, "state": state, "log_in_url": resolve_url("account_login")}
    return render(request, "accounts/join_closed.html", context, status=410)
