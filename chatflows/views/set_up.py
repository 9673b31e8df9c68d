"""Set-up: the page of the set-up link, where the first owner joins and sees DefaultKey once."""

from typing import cast

from django.conf import settings
from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms.base import posted, render_forms
from accounts.guards import PageRequest, open_view, shows_secret
from accounts.login import fresh_logins, known_devices, link_sessions
from accounts.models import LinkPurpose
from accounts.services import link_tokens
from chatflows import snippets
from chatflows.forms.chatflows import SetUpForm
from chatflows.models import Chatflow
from chatflows.services import examples, onboarding
from chatflows.snippets import Snippet

SESSION_NAME = "set_up_digest"


@open_view("the link's token is the credential")
@require_safe
def set_up_link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the URL at once. Opening the link does not use it up."""
    digest = link_tokens.digest_if_usable(LinkPurpose.SET_UP, token)
    if digest is None:
        return _closed(request)
    return link_sessions.enter(request, SESSION_NAME, digest, "set_up")


@open_view("the set-up link, kept as a digest in the session, is the credential")
@shows_secret
@require_http_methods(["GET", "HEAD", "POST"])
def set_up(request: HttpRequest) -> HttpResponse:
    """Make the first owner, log them in, and show DefaultKey's text once."""
    digest = request.session.get(SESSION_NAME, "")
    if not link_tokens.is_usable(LinkPurpose.SET_UP, digest):
        return _closed(request)
    form = SetUpForm(posted(request))
    if form.is_valid():
        try:
            address = cast(PageRequest, request).address
            done = onboarding.set_up(digest, address=address, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(_field_of(error), error)
        except onboarding.AlreadySetUp:
            return _closed(request)
        else:
            return _done(request, done)
    return render_forms(request, "chatflows/set_up.html", {"form": form})


def _done(request: HttpRequest, done: onboarding.SetUp) -> HttpResponse:
    login(request, done.user)
    request.session.pop(SESSION_NAME, None)
    fresh_logins.note_password(request)
    chatflow = done.chatflow
    context = {
        "team": done.team,
        "key": done.key,
        "key_text": done.key_text,
        "chatflow": chatflow,
        "snippets": _snippets(chatflow) if chatflow else None,
        "first_call_url": reverse("key_first_call", args=[done.team.slug, done.key.id]),
        "call": None,
    }
    response = render(request, "chatflows/set_up_done.html", context)
    known_devices.remember(response, done.user)
    return response


def _field_of(error: ValidationError) -> str | None:
    # A model's error names its fields. An error of the password rules names none.
    return None if hasattr(error, "error_dict") else "password"


def _closed(request: HttpRequest) -> HttpResponse:
    has_owner = onboarding.has_owner()
    # A stranger with an old link learns no team's name, only the session that opened a live one.
    team = onboarding.first_team() if has_owner and SESSION_NAME in request.session else None
    context = {"has_owner": has_owner, "team": team}
    return render(request, "chatflows/set_up_closed.html", context, status=410)


def _snippets(chatflow: Chatflow) -> list[Snippet]:
    asked = examples.question_of(chatflow.id)
    return snippets.whole(settings.PUBLIC_URL, chatflow.id, asked)
