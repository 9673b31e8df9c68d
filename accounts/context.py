"""The context processor: what every page's template can use beside its own context."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts.limits import stores
from accounts.login.ways_back import page_of
from accounts.models import Team


def page(request: HttpRequest) -> dict[str, Any]:
    """Return the principal, the teams, the public host, the request id and the time."""
    return {
        "principal": getattr(request, "principal", None),
        "teams": SimpleLazyObject(lambda: _teams(request)),
        "public_host": settings.PUBLIC_HOST,
        "request_id": getattr(request, "id", ""),
        "now": timezone.now(),
        "limits_gone_since": _limits_gone_since(),
        "posted_from": _posted_from(request),
        "theme": SimpleLazyObject(lambda: getattr(request.user, "theme", "")),
    }


def _posted_from(request: HttpRequest) -> str:
    """Return the page that stands in for an address which takes only forms, else nothing."""
    match = request.resolver_match
    is_only_posted = match is not None and hasattr(match.func, "page")
    return page_of(request) if is_only_posted else ""


def _limits_gone_since() -> datetime | None:
    """Return since when the shared store of limits does not answer this process."""
    shared = stores.shared()
    if shared is None or shared.gone_since is None:
        return None
    return datetime.fromtimestamp(shared.gone_since, UTC)


def _teams(request: HttpRequest) -> list[Team]:
    if not request.user.is_authenticated:
        return []
    mine = Team.objects.filter(memberships__user=request.user)
    return list(mine.order_by("name"))
