"""Middleware of pages: request id and log line, origin of changes, and what of people is noted."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import get_callable
from django.utils import timezone

from accounts import audit
from accounts.network import addresses, request_ids
from accounts.outages import OUTAGES
from accounts.services import refused_changes, sessions, users

log = structlog.get_logger("flowlatch.pages")


class RequestContextMiddleware:
    """Give each request its `id` and `address`, and log it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        scope = getattr(request, "scope", {})
        request.id = scope.get("request_id") or request_ids.new()  # type: ignore[attr-defined]
        request.address = _address(request)  # type: ignore[attr-defined]
        token = request_ids.current.set(request.id)  # type: ignore[attr-defined]
        try:
            response = self.get_response(request)
        finally:
            request_ids.current.reset(token)
            timezone.deactivate()  # the guards set the person's own
        response.headers.setdefault("X-Request-Id", request.id)  # type: ignore[attr-defined]
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        _log(request, response, time.perf_counter() - started)
        return response


class SessionUseMiddleware:
    """Note, at most once a minute, when and from where a person's session was used."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        session: Any = request.session
        if session.is_note_due(timezone.now()):
            user_agent = request.headers.get("User-Agent", "")
            with suppress(*OUTAGES):  # a busy database: the page does not need the note
                sessions.note_use(session.session_key, request.address, user_agent)  # type: ignore[attr-defined]
        return self.get_response(request)


class SameOriginMiddleware:
    """Refuse a change that another site asks for, beside Django's check of token and Origin.

    Browsers since 2023 send Sec-Fetch-Site with every request, except over plain HTTP to other
    machines; there, as since 2020 everywhere, they send Origin with each POST. A request with
    neither comes from a program, which no page can lead, or from an older browser: there Django's
    token decides, and over HTTPS the Referer.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Answer as Django does to a bad token, or let the request go on."""
        site = request.headers.get("Sec-Fetch-Site", "").strip()
        # `none` is the person's own doing, such as a form that is sent again from the history.
        # An operation of the API takes no cookie: no site can lead a person's browser to it.
        is_programs = getattr(view, "csrf_exempt", False)
        is_own = site in ("", "same-origin") or (site == "none" and "Origin" in request.headers)
        if request.method in SAFE or is_own or is_programs:
            return None
        refused: HttpResponseBase = get_callable(settings.CSRF_FAILURE_VIEW)(request)
        return refused


class RefusedChangeMiddleware:
    """Note in the audit trail who tried a change and was refused by role, id or origin."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.method not in SAFE and response.status_code in (403, 404):
            with suppress(*OUTAGES):  # it is refused all the same
                _note_refused(request, response.status_code)
        return response


def _note_refused(request: HttpRequest, status: int) -> None:
    match, user = request.resolver_match, request.user
    if match is None or not user.is_authenticated:
        return
    by, team = users.actor(user, request.address), getattr(request, "team", None)  # type: ignore[attr-defined]
    # A stranger's tries are for the operators: nobody writes into the trail of another team.
    chain_id = team.id if team is not None else audit.INSTALLATION
    slug = "" if team is not None else match.kwargs.get("slug", "")
    refused_changes.note(chain_id, by, match.url_name or "", status, team=slug)


def _address(request: HttpRequest) -> str:
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    peer = request.META.get("REMOTE_ADDR", "")
    return addresses.client_address(
        peer, [forwarded] if forwarded else [], settings.TRUSTED_PROXIES
    )


def _log(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    # The route's template, never the path or the query: either can hold a token.
    match = request.resolver_match
    log.info(
        "page",
        route=match.route if match else None,
        method=request.method if request.method in _METHODS else "other",
        status=response.status_code,
        milliseconds=round(seconds * 1000, 1),
        request_id=request.id,  # type: ignore[attr-defined]
        address=request.address,  # type: ignore[attr-defined]
    )


SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
