"""Searches on the pages of keys: they are posted, so that a pasted key stands in no URL."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters

from accounts.guards import TeamRequest, team_view
from accounts.login.ways_back import posted_from
from accounts.permissions import Permission
from apikeys import resources, searches
from apikeys.forms.new_key import SHOWN
from apikeys.resources import Choice
from apikeys.views.key_guard import KeyRequest, key_view
from apikeys.views.key_list import search_as_typed, to_list
from apikeys.views.key_page import SHOWN_CHATFLOWS

FOUND = "apikeys/picker/found.html"
# By the field that somebody types in, how the page of a new key draws a chatflow.
ROWS = {"find-opens": "apikeys/new/choice.html", "find-pinned_to": "apikeys/new/pin.html"}


@sensitive_post_parameters("q")
@team_view(Permission.APIKEYS_VIEW)
@posted_from("key_list")
def key_search(request: TeamRequest) -> HttpResponse:
    """Redirect to the list with what may be kept of the search: of a key its public id.

    While somebody types, answer with the rows alone.
    """
    if request.htmx:
        return search_as_typed(request)
    return to_list(request, request.POST.get("q", ""))


@team_view(Permission.APIKEYS_CREATE)
@sensitive_post_parameters(*ROWS)
@posted_from("key_new")
def key_new_find(request: TeamRequest) -> HttpResponse:
    """Offer chatflows for a new key while somebody types."""
    field = next((name for name in ROWS if name in request.POST), "")
    find = searches.searchable(request.POST.get(field, "")) or ""
    found = resources.registry().first(request.team, SHOWN + 1, find)
    context = {
        "choices": [Choice(one, is_selected=False) for one in found[:SHOWN]],
        "has_more": len(found) > SHOWN,
        "find": find,
        "row": ROWS.get(field, ROWS["find-opens"]),
    }
    return render(request, FOUND, context)


@sensitive_post_parameters("find")
@key_view(Permission.APIKEYS_VIEW)
@posted_from("key_page")
def key_find(request: KeyRequest) -> HttpResponse:
    """Find chatflows for the page of a key, or for the one where it is pinned."""
    is_pin = request.POST.get("to") == "pin"
    typed = request.POST.get("find", "")
    if not request.htmx:
        page = reverse(
            "key_pin" if is_pin else "key_page", args=[request.team.slug, request.key.id]
        )
        only = "selected" if request.POST.get("only") == "selected" else ""
        return redirect(f"{page}{searches.query(request, typed, 'find', only=only)}#opens")
    find = searches.searchable(typed) or ""
    choices = resources.registry().choices(request.key, find, SHOWN_CHATFLOWS)
    selected = choices.selected if find else ()
    others = () if request.POST.get("only") == "selected" else choices.others
    context = {
        "choices": [*selected, *others],
        "has_more": choices.has_more,
        "find": find,
        "row": "apikeys/pin_choice.html" if is_pin else "apikeys/key/choice.html",
    }
    return render(request, FOUND, context)
