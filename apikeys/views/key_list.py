"""The list of keys: searched, filtered, 50 a page, and what can be done with several at once."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import prefetch_related_objects
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import replace_url

from accounts.forms.base import searched
from accounts.guards import TeamRequest, team_view
from accounts.lists.listing import Head
from accounts.login import ways_back
from accounts.login.ways_back import posted_from
from accounts.models import Environment
from accounts.permissions import Permission
from apikeys import charts, resources, searches
from apikeys.models import ApiKey
from apikeys.services import browsers, key_lists, keys

DAYS = 14
MAY_SELECT = Permission.APIKEYS_UPDATE
LONGEST_WORD = 20  # characters of a filter
NAMED = 3  # keys of few chatflows: the menu says which ones they would close


@team_view(Permission.APIKEYS_VIEW)
@require_safe
def key_list(request: TeamRequest) -> HttpResponse:
    """Show keys: name, hint, status, what each opens, last use, calls of 14 days."""
    q = searched(request)
    if not searches.is_kept(q):  # a key, which is never echoed
        return to_list(request, q)
    return render(request, "apikeys/keys.html", _context(request, q, request.GET))


def to_list(request: TeamRequest, text: str) -> HttpResponse:
    """Redirect to the list with what may be kept of a search."""
    sent = request.POST if request.method == "POST" else request.GET
    path = reverse("key_list", args=[request.team.slug])
    return redirect(path + searches.query(request, text, "q", **{"show": "all", **_kept(sent)}))


def search_as_typed(request: TeamRequest) -> HttpResponse:
    """Answer with the rows that a posted search finds, and set the browser's address to it."""
    q = searches.searchable(request.POST.get("q", ""))
    context = _context(request, q or "", request.POST)
    context |= {"is_part": True, "unknown": "" if q is not None else searches.UNKNOWN}
    path, first = context["path"], context["first"]
    response = render(request, "apikeys/key_rows.html", context)
    return replace_url(response, f"{path}?{first}" if first else path)


def _context(request: TeamRequest, q: str, sent: QueryDict) -> dict[str, Any]:
    names = ("show", "kind", "environment")
    filters = key_lists.filters(*(sent.get(name, "") for name in names))
    wanted, after = sent.get("sort", ""), sent.get("after", "")
    sort = wanted if wanted in key_lists.BY_NAME else ""
    page = key_lists.search(request.team, q, filters, after, sort)
    _note_use(page.keys)
    found = {"q": q, **{name: getattr(filters, name) for name in names}}
    kept = {name: value for name, value in found.items() if value}
    first = kept | ({"sort": sort} if sort else {})
    path = reverse("key_list", args=[request.team.slug])
    return {
        "keys": page.keys,
        "page": page,
        "path": path,
        "heads": _heads(path, kept, sort, may_select=request.principal.may_do(MAY_SELECT)),
        "sort": sort,
        "first": urlencode(first),
        "next": urlencode({**first, "after": page.next}),
        "is_first": not after,
        "has_any": bool(page.keys) or ApiKey.objects.of(request.team).kept().exists(),
        "is_large": bool(q) and key_lists.is_large(request.team),
        "window": key_lists.WINDOW,
        "spark_width": DAYS,
        "filters": filters,
        "environments": Environment.choices,
        "q": q,
    }


def _heads(path: str, kept: dict[str, str], sort: str, *, may_select: bool) -> list[Head]:
    """Return the heads of the columns. Two orders have an index, and so a link."""
    other = "-name" if sort == "name" else "name"
    by_name = f"{path}?{urlencode({**kept, 'sort': other})}"
    by_use = (f"{path}?{urlencode(kept)}" if kept else path) if sort else ""
    ways = {"name": "ascending", "-name": "descending"}
    heads = [
        Head("Select", "check", "", "", is_quiet=True),
        Head("Key", "", ways.get(sort, ""), by_name),
        Head("Status", "", "", ""),
        Head("Opens", "", "", ""),
        Head("Environment", "minor", "", ""),
        Head("Last used", "", "" if sort else "descending", by_use),
        Head("14 days", "minor", "", ""),
        Head("Actions", "", "", "", is_quiet=True),
    ]
    return heads if may_select else heads[1:]


def _kept(sent: QueryDict) -> dict[str, str]:
    """Return the filters and the order of a search, in words that may stand in an address."""
    words = {name: sent.get(name, "") for name in ("show", "kind", "environment", "sort")}
    return {
        name: word
        for name, word in words.items()
        if word.removeprefix("-").isalpha() and len(word) < LONGEST_WORD
    }


@team_view(Permission.APIKEYS_UPDATE)
@posted_from("key_list")
def keys_disable(request: TeamRequest) -> HttpResponseBase:
    """Disable the checked keys."""
    chosen = _chosen(request)
    closed = resources.registry().closed_without(chosen)
    working = [str(key.id) for key in chosen if key.disabled_at is None]
    count = keys.disable_all(chosen, request.principal.actor)
    said = "disabled. The next call with each is refused."
    _say(request, count, said, _undo(request, working))
    if closed:
        names = ", ".join(resource.name for resource in closed[:10])
        more = f" and {len(closed) - 10:,} more" if len(closed) > 10 else ""
        messages.warning(
            request, f"Closed to everyone now, as no other key opens it: {names}{more}."
        )
    return ways_back.to_list(request, reverse("key_list", args=[request.team.slug]))


@team_view(Permission.APIKEYS_UPDATE, fresh_login=True)
@require_http_methods(["GET", "HEAD", "POST"])
def keys_enable(request: TeamRequest) -> HttpResponseBase:
    """Enable the checked keys. Their texts work again, so this asks what making them asked."""
    chosen = _chosen(request)
    if request.method == "POST":
        count = keys.enable_all(chosen, request.principal.actor)
        _say(request, count, "enabled again.")
    elif disabled := [str(key.id) for key in chosen if key.disabled_at is not None]:
        # An Undo was asked for, and the password came between: it is offered again.
        said = f"{len(disabled)} key{' is' if len(disabled) == 1 else 's are'} still disabled."
        messages.warning(request, said, extra_tags=_undo(request, disabled))
    return ways_back.to_list(request, reverse("key_list", args=[request.team.slug]))


def _chosen(request: TeamRequest) -> list[ApiKey]:
    """Return the checked keys of the team. Ids of others are as unknown ones: nothing."""
    ids = []
    sent = request.POST.getlist("key") or request.GET.getlist("key")  # of a form, or of Undo
    for text in sent[: key_lists.PAGE]:
        try:
            ids.append(UUID(text))
        except ValueError:
            continue
    return list(ApiKey.objects.of(request.team).kept().filter(pk__in=ids).with_status())


def _undo(request: TeamRequest, ids: list[str]) -> str:
    path = reverse("keys_enable", args=[request.team.slug])
    return f"{path}?{urlencode({'key': ids}, doseq=True)}"


def _say(request: TeamRequest, count: int, what: str, undo: str = "") -> None:
    if count:
        said = f"{count} key{' is' if count == 1 else 's are'} {what}"
        messages.success(request, said, extra_tags=undo)
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
