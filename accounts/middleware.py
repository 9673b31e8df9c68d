"""Middleware of pages: request id, client address, one log line, and the last use of sessions."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from accounts.network import addresses, request_ids
from accounts.services import sessions

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
        response = self.get_response(request)
        response.headers.setdefault("X-Request-Id", request.id)  # type: ignore[attr-defined]
        response.headers.setdefault("Cache-Control", "no-store")
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
            with suppress(DatabaseError):  # a busy database: the page does not need the note
                sessions.note_use(session.session_key, request.address, user_agent)  # type: ignore[attr-defined]
        return self.get_response(request)


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


_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
