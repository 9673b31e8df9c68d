"""Error pages, and JSON errors under /api/ and /v1/, where nothing is answered with HTML."""

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import DisallowedHost, ObjectDoesNotExist
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    JsonResponse,
)
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.limits.too_many import TooMany
from accounts.login.ways_back import page_of
from accounts.network import request_ids
from accounts.outages import OUTAGES
from chatflows.access import codes
from chatflows.gate import cors, routes
from chatflows.gate.routes import Family
from chatflows.protocols import problems
from chatflows.protocols.openai import errors

log = structlog.get_logger("flowlatch.pages")

NO_ADDRESS = codes.NOT_FOUND.saying("There is nothing at this address.")
# Whatever else of OpenAI's API a client tries: this is what it is looking for.
NOT_OPENAIS = codes.NOT_FOUND.saying(
    "There is nothing at this address. Questions go to POST /v1/chat/completions."
)
CORS = {name.decode(): value.decode() for name, value in cors.ANYWHERE}
WORTH_ANOTHER_TRY = {403, 413, 429, 500, 503}
CODES = {
    code.status: code
    for code in (
        codes.BAD_REQUEST,
        codes.FORBIDDEN,
        NO_ADDRESS,
        codes.METHOD_NOT_ALLOWED,
        codes.TOO_LARGE,
        codes.RATE_LIMITED,
        codes.INTERNAL_ERROR,
        codes.UNAVAILABLE,
    )
}


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 400. A wrong Host, a frequent mistake of operators, has a page of its own."""
    if isinstance(exception, DisallowedHost):
        log.warning("foreign host", request_id=_request_id(request), expected=settings.PUBLIC_URL)
        # The name of an upstream in the proxy's own file, such as `flowlatch`, is no public host.
        is_name = not set(".[") & set(request.META.get("HTTP_HOST", ""))
        is_lost = settings.TRUSTED_PROXIES and is_name
        return _answer(request, 400, template=f"errors/host{'_lost' if is_lost else ''}.html")
    return _answer(request, 400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403."""
    return _answer(request, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404."""
    return _answer(request, 404)


def broken(request: HttpRequest) -> HttpResponse:
    """Answer what a view raised: 500, unless the exception tells better.

    TooMany is 429, a database or a key ring that is gone is 503, and an object that was just
    deleted is 404.
    """
    error = sys.exception()
    name = type(error).__name__
    if isinstance(error, TooMany):
        return error.mark(_answer(request, 429, words=str(error)))
    if isinstance(error, ObjectDoesNotExist):
        return _answer(request, 404)
    if isinstance(error, (*OUTAGES, TimeoutError)):
        log.warning("unavailable", request_id=_request_id(request), error=name)
        response = _answer(request, 503)
        response.headers["Retry-After"] = str(codes.RETRY_AFTER)
        return response
    log.error("page failed", request_id=_request_id(request), error=name, exc_info=error)
    return _answer(request, 500)


class MethodNotAllowedMiddleware:
    """Put a page into the empty 405 of Django's decorators."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and not response.content:
            page = _answer(request, 405)
            page.headers["Allow"] = response.headers["Allow"]
            return page
        return response


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form without a valid CSRF token."""
    return _answer(request, 403, template="errors/csrf.html")


def _answer(request: HttpRequest, status: int, template: str = "", words: str = "") -> HttpResponse:
    request_id = _request_id(request)
    family = routes.family_of(request.path_info)
    if family is not None or request.path_info.lower().startswith("/api/"):
        return _json(status, request_id, family)
    context = {
        "request_id": request_id,
        "now": timezone.now(),
        "public_url": settings.PUBLIC_URL,
        "words": words,
        "back": _back(request, status),
    }
    page = _page(request, template or f"errors/{status}.html", context, status)
    return HttpResponse(page, status=status, headers={"X-Request-Id": request_id})


def _page(request: HttpRequest, template: str, context: dict[str, Any], status: int) -> str:
    """Return an error page: with the menu for a logged-in person, else bare.

    The bare one gets no request, because context processors read the database, which may be gone.
    The flow app is no part of the dashboard, and its visitors see no menu.
    """
    if status < 500 and not request.path_info.startswith("/flow/"):
        with suppress(*OUTAGES):
            user = getattr(request, "user", None)
            if user is not None and user.is_authenticated:
                framed = {**context, "frame": "errors/inside.html", "posted_from": ""}
                return render_to_string(template, framed, request)
    return render_to_string(template, context)


def _back(request: HttpRequest, status: int) -> str:
    """Return the page of a form that can be sent again, else nothing. No token is shown."""
    match = request.resolver_match
    if request.method != "POST" or match is None or "token" in match.kwargs:
        return ""
    return page_of(request) if status in WORTH_ANOTHER_TRY else ""


def _json(status: int, request_id: str, family: Family | None) -> HttpResponse:
    """Return a problem (RFC 9457), or an error as OpenAI's clients read it."""
    is_openai = family is Family.OPENAI
    code = NOT_OPENAIS if is_openai and status == 404 else CODES[status]
    problem = {**problems.members(code), "request_id": request_id}
    return JsonResponse(
        errors.value(code) if is_openai else problem,
        status=status,
        content_type="application/json" if is_openai else "application/problem+json",
        headers={
            "Cache-Control": "no-store",
            "X-Request-Id": request_id,
            **(CORS if family is not None else {}),
        },
    )


def _request_id(request: HttpRequest) -> str:
    return getattr(request, "id", None) or request_ids.new()
