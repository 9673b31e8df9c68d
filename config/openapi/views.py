"""The pages of the API: its document, its viewer, and a summary for language models."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.guards import open_view
from config.openapi import document

BECAUSE = "the document of the API holds nothing of any team"


@open_view(BECAUSE)
@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """Answer the OpenAPI document."""
    return HttpResponse(document.served(), content_type="application/json")
