"""The search for keys: it is posted, so that a pasted key stands in no URL."""

from django.http import HttpResponse
from django.views.decorators.debug import sensitive_post_parameters

from accounts.guards import TeamRequest, team_view
from accounts.login.ways_back import posted_from
from accounts.permissions import Permission
from apikeys.views.key_list import search_as_typed, to_list


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
