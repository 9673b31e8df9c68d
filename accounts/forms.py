"""What the forms of all apps share."""

from django.http import HttpRequest, QueryDict


def posted(request: HttpRequest) -> QueryDict | None:
    """The fields of a POST, even if there are none; None for a form that is only drawn."""
    return request.POST if request.method == "POST" else None


def searched(request: HttpRequest) -> str:
    """The text of a search field; no database takes a NUL in it."""
    return request.GET.get("q", "").replace("\0", "").strip()
