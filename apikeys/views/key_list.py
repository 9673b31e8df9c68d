"""The list of keys: searched, filtered, 50 a page, and what can be done with several at once."""

from collections.abc import Sequence
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import prefetch_related_objects
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms.base import searched
from accounts.guards import TeamRequest, team_view
from accounts.login.ways_back import posted_from
from accounts.models import Environment
from accounts.permissions import Permission
from apikeys import charts, resources, searches
from apikeys.models import ApiKey
from apikeys.services import browsers, key_lists, keys
from apikeys.views.key_search import to_list

DAYS = 14
NAMED = 3  # keys of few chatflows: the menu says which ones they would close


@team_view(Permission.APIKEYS_VIEW)
@require_safe
def key_list(request: TeamRequest) -> HttpResponse:
    """Show keys: name, hint, status, what each opens, last use, calls of 14 days."""
    q, show = searched(request), request.GET.get("show", "all")
    if searches.searchable(q) != q[: searches.MAX_LENGTH]:  # a key, which is never echoed
        return to_list(request, q, show)
    filters = key_lists.filters(
        show, request.GET.get("kind", ""), request.GET.get("environment", "")
    )
    page = key_lists.search(request.team, q, filters, request.GET.get("after", ""))
    _note_use(page.keys)
    wanted = {
        "q": q,
        "show": filters.show,
        "kind": filters.kind,
        "environment": filters.environment,
    }
    kept = {name: value for name, value in wanted.items() if value}
    context = {
        "keys": page.keys,
        "page": page,
        "first": urlencode(kept),
        "next": urlencode({**kept, "after": page.next}),
        "is_first": "after" not in request.GET,
        "has_any": bool(page.keys) or ApiKey.objects.of(request.team).kept().exists(),
        "is_large": bool(q) and key_lists.is_large(request.team),
        "window": key_lists.WINDOW,
        "spark_width": charts.WIDTH * DAYS,
        "filters": filters,
        "environments": Environment.choices,
        "q": q,
    }
    return render(request, "apikeys/keys.html", context)


@team_view(Permission.APIKEYS_UPDATE)
@posted_from("key_list")
def keys_disable(request: TeamRequest) -> HttpResponse:
    """Disable the checked keys."""
    chosen = _chosen(request)
    closed = resources.registry().closed_without(chosen)
    count = keys.disable_all(chosen, request.principal.actor)
    _say(request, count, "disabled. The next call with each is refused.")
    if closed:
        names = ", ".join(resource.name for resource in closed[:10])
        more = f" and {len(closed) - 10:,} more" if len(closed) > 10 else ""
        messages.warning(
            request, f"Closed to everyone now, as no other key opens it: {names}{more}."
        )
    return redirect("key_list", request.team.slug)


@team_view(Permission.APIKEYS_UPDATE, fresh_login=True)
@require_http_methods(["GET", "HEAD", "POST"])
def keys_enable(request: TeamRequest) -> HttpResponse:
    """Enable the checked keys. Their texts work again, so this asks what making them asked."""
    if request.method == "POST":  # else back from confirming the password
        count = keys.enable_all(_chosen(request), request.principal.actor)
        _say(request, count, "enabled again.")
    return redirect("key_list", request.team.slug)


def _chosen(request: TeamRequest) -> list[ApiKey]:
    """Return the checked keys of the team. Ids of others are as unknown ones: nothing."""
    ids = []
    for text in request.POST.getlist("key")[: key_lists.PAGE]:
        try:
            ids.append(UUID(text))
        except ValueError:
            continue
    return list(ApiKey.objects.of(request.team).kept().filter(pk__in=ids).with_status())


def _say(request: TeamRequest, count: int, what: str) -> None:
    if count:
        messages.success(request, f"{count} key{' is' if count == 1 else 's are'} {what}")
    else:
        messages.info(request, "No key was changed: none was checked, or all were so already.")


def _note_use(found: Sequence[ApiKey]) -> None:
    """Give each key what its row shows beside its own columns."""
    prefetch_related_objects(found, "secrets")
    registry = resources.registry()
    opened = registry.opened_by(found)
    few = [key for key in found if key.id in opened and opened[key.id].number <= NAMED]
    named, days = registry.of_keys(few), registry.days(found, DAYS)
    seen = browsers.in_browsers(found)
    for key in found:
        key.in_browsers = seen.get(key.id, ())  # type: ignore[attr-defined]
        calls = days.get(key.id, ())
        key.opened = opened.get(key.id)  # type: ignore[attr-defined]
        key.resources = named.get(key.id, [])  # type: ignore[attr-defined]
        key.closing = [each.name for each in named.get(key.id, []) if each.would_close]  # type: ignore[attr-defined]
        key.calls = sum(day.let_in for day in calls)  # type: ignore[attr-defined]
        key.bars, key.nothing = charts.spark([day.let_in for day in calls] or [0] * DAYS)  # type: ignore[attr-defined]
