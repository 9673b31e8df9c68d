"""The search for keys: it is posted, so that a pasted key stands in no URL."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.debug import sensitive_post_parameters

from accounts.guards import TeamRequest, team_view
from accounts.login.ways_back import posted_from
from accounts.permissions import Permission
from apikeys import searches

UNKNOWN = "This is no whole key and no name, so nothing was searched. Paste the key from its start."


@sensitive_post_parameters("q")
@team_view(Permission.APIKEYS_VIEW)
@posted_from("key_list")
def key_search(request: TeamRequest) -> HttpResponse:
    """Redirect to the list with what may be kept of the search: of a key its public id."""
    return to_list(request, request.POST.get("q", ""), request.POST.get("show", "all"))


def to_list(request: TeamRequest, text: str, show: str) -> HttpResponse:
    """Redirect to the list with what may be kept of a search."""
    q = searches.searchable(text)
    if q is None:
        messages.warning(request, UNKNOWN)
    kept = {"q": q or "", "show": show if show.isalpha() and len(show) < 20 else "all"}
    sent = request.POST if request.method == "POST" else request.GET
    for name in ("kind", "environment"):
        if (value := sent.get(name, "")).isalpha() and len(value) < 20:
            kept[name] = value
    return redirect(f"{reverse('key_list', args=[request.team.slug])}?{urlencode(kept)}")
