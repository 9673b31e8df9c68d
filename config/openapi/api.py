"""The management API: its routers, and their URLs with everything that Django would answer."""

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path
from ninja import NinjaAPI
from ninja.operation import Operation

from accounts.api import members, service_accounts
from accounts.guards import open_view
from accounts.outages import OUTAGES
from accounts.permissions import Principal
from accounts.services import refused_changes
from apikeys.api import account_keys, bulk, hand_overs, keys, leaks, own, rotation
from chatflows.access import codes
from chatflows.api import access, chatflows
from config.openapi import problems
from config.openapi.parser import StrictParser

PREFIX = "/api/v1/"
SAFE = ("GET", "HEAD", "OPTIONS")


class Management(NinjaAPI):
    """Ninja's API, whose errors are ours from end to end."""

    def on_exception(self, request: HttpRequest, exc: Any) -> HttpResponse:
        """Answer whatever was raised, before, in or after an operation."""
        return problems.of(request, exc)


def make() -> Management:
    """Make the API with every router."""
    api = Management(
        title="Flowlatch",
        version="1",
        parser=StrictParser(),
        openapi_url=None,
        docs_url=None,
        urls_namespace="api",
    )
    for tag, router in ROUTERS:
        api.add_router("", router, tags=[tag])
    return api


# In the order of the document. One path stands in one router.
ROUTERS = (
    ("API keys", own.router),
    ("API keys", keys.router),
    ("API keys", rotation.router),
    ("API keys", bulk.router),
    ("API keys", hand_overs.router),
    ("Chatflows", access.router),
    ("Chatflows", chatflows.router),
    ("Service accounts", service_accounts.router),
    ("Service accounts", account_keys.router),
    ("People", members.router),
    ("Leaks", leaks.router),
)
api = make()


def urls() -> list[URLPattern]:
    """Return the URL patterns of all operations, below `/api/v1/`."""
    found = []
    for pattern in api.urls[0]:
        assert isinstance(pattern, URLPattern)
        if pattern.name == "api-root":
            continue
        found.append(path(str(pattern.pattern), _guarded(pattern.callback), name=pattern.name))
    return found


def operations() -> Iterator[tuple[str, str, Operation]]:
    """List every operation with its method and path."""
    for bound in api._get_bound_routers():
        for each, view in bound.path_operations.items():
            path = PREFIX + re.sub(r"{[^}:]+:", "{", each.lstrip("/"))  # without converters
            for operation in view.operations:
                yield operation.methods[0], path, operation


def _guarded(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Answer a wrong method as a problem, and note a change that was refused."""

    @open_view("each operation names the scope that its key needs")
    @functools.wraps(view)
    def operate(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if response.status_code == 405:
            allowed = {"Allow": response.headers["Allow"]}
            return problems.answer(request, codes.METHOD_NOT_ALLOWED, headers=allowed)
        principal = getattr(request, "principal", None)
        if principal is not None and request.method not in SAFE:
            _note_refused(request, principal, response.status_code)
        return response

    operate.is_operation = True  # type: ignore[attr-defined]
    return operate


def _note_refused(request: HttpRequest, principal: Principal, status: int) -> None:
    if status not in (403, 404):
        return
    match = request.resolver_match
    name = (match.url_name or "") if match is not None else ""
    with suppress(*OUTAGES):  # it is refused all the same
        refused_changes.note(principal.team.id, principal.actor, name, status)
