"""The context processor: what every page's template can use beside its own context."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts.guards import principal_of
from accounts.limits import stores
from accounts.login.ways_back import page_of
from accounts.models import Membership
from accounts.permissions import Principal
from accounts.worker import drills, status


def page(request: HttpRequest) -> dict[str, Any]:
    """Return the principal, the teams, the menu's, the public host, the request id and the time."""
    memberships = SimpleLazyObject(lambda: _memberships(request))
    return {
        "principal": getattr(request, "principal", None),
        "menu": SimpleLazyObject(lambda: _menu(request, memberships)),
        "teams": SimpleLazyObject(lambda: [each.team for each in memberships]),
        "version": settings.VERSION,
        "public_host": settings.PUBLIC_HOST,
        "request_id": getattr(request, "id", ""),
        "now": timezone.now(),
        "is_drill": drills.is_noted(),
        "limits_gone_since": _limits_gone_since(),
        "worker": SimpleLazyObject(status.look),
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


def _memberships(request: HttpRequest) -> list[Membership]:
    if not request.user.is_authenticated:
        return []
    mine = Membership.objects.filter(user=request.user)
    return list(mine.select_related("team").order_by("team__name"))


def _menu(request: HttpRequest, memberships: Iterable[Membership]) -> Principal | None:
    """Return the principal of the page, else the person's in the team that they used last."""
    here: Principal | None = getattr(request, "principal", None)
    if here is not None:
        return here
    active = [each for each in memberships if each.team.suspended_at is None]
    # False sorts before True, and the first of equals wins.
    mine = sorted(active, key=lambda each: each.team_id != request.user.last_team_id)  # type: ignore[union-attr]
    return principal_of(request, mine[0]) if mine else None
