"""The pages of the API: its document, its viewer, a text for assistants, and how to begin."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.guards import TeamRequest, open_view, team_view
from accounts.permissions import Permission
from apikeys.services import key_lists
from chatflows.access import codes
from config.openapi import developer, document, problems, texts

KEY_IN_PATH = (
    "A key in an address ends in logs. Send GET /api/v1/chatflows/apikey with the header "
    "Authorization: Bearer <key>, and make a new text of this key."
)
BECAUSE = "the document of the API holds nothing of any team"


@open_view(BECAUSE)
@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """Answer the OpenAPI document."""
    return HttpResponse(document.served(), content_type="application/json")


@open_view(BECAUSE)
@require_safe
def viewer(request: HttpRequest) -> HttpResponse:
    """Show every operation, to be tried in the browser with a key that is kept nowhere."""
    return render(request, "openapi/viewer.html")


@open_view(BECAUSE)
@require_safe
def llms(request: HttpRequest) -> HttpResponse:
    """Answer a text from which an assistant learns how to call this installation."""
    return HttpResponse(texts.llms(settings.PUBLIC_URL), content_type="text/plain; charset=utf-8")


@open_view(BECAUSE)
def key_in_path(request: HttpRequest, **_: str) -> HttpResponse:
    """Answer Flowise's form with the key in the path, which is in logs by now."""
    return problems.answer(request, codes.BAD_REQUEST, KEY_IN_PATH)


key_in_path.is_operation = True  # type: ignore[attr-defined]  # no page: everybody gets this 400


@team_view(Permission.APIKEYS_VIEW)
@require_safe
def developer_page(request: TeamRequest) -> HttpResponse:
    """Show how to begin by program."""
    managing = [
        key
        for key in key_lists.search(request.team, "", key_lists.Filters(), "").keys
        if key.created_by_id == request.user.pk and developer.manages(key.scopes)
    ]
    return render(
        request,
        "openapi/developer.html",
        {
            "public_url": settings.PUBLIC_URL,
            "snippets": developer.snippets(settings.PUBLIC_URL),
            "scopes": developer.scopes(),
            "managing": managing[:3],
        },
    )
