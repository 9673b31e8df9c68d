"""Lists: pages of rows by a cursor, with the header that leads on."""

from typing import Any, TypeVar
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import HttpResponse
from ninja import Schema
from pydantic import Field

from accounts.api import cursors
from accounts.api.faults import OldForm
from accounts.api.operations import MOST_PER_PAGE, PER_PAGE, ApiRequest

AS_FLOWISE = 1000  # rows of a list without `cursor` and `limit`
NUMBERED = "Pages have no numbers here. Follow next_cursor: ?limit=50, then ?cursor=…"
Row = TypeVar("Row", bound=Model)


class Paging(Schema):
    """Which page of a list."""

    cursor: str = Field(default="", max_length=600, description="`next_cursor` of the page before.")
    limit: int = Field(
        default=PER_PAGE, ge=1, le=MOST_PER_PAGE, description="How many rows one answer holds."
    )


class FlowisePaging(Schema):
    """Which page of a list that Flowise has too."""

    cursor: str = Field(default="", max_length=600, description="`next_cursor` of the page before.")
    limit: int | None = Field(
        default=None, ge=1, le=MOST_PER_PAGE, description="How many rows one answer holds."
    )


def listed(
    request: ApiRequest,
    response: HttpResponse,
    of: str,
    rows: "QuerySet[Row]",
    paging: Paging,
) -> tuple[list[Row], str | None]:
    """Return the rows after a cursor in the order of their primary keys, and the next cursor.

    `of` names the list in cursors. Raises Invalid for a cursor that is none of it.
    """
    place = cursors.read(request.principal.team.id, of, paging.cursor)
    rows = rows.filter(pk__gt=place) if place else rows
    limit = paging.limit
    found = list(rows.order_by("pk")[: limit + 1])
    last = str(found[limit - 1].pk) if len(found) > limit else ""
    return found[:limit], lead_on(request, response, of, last, limit)


def size_of(request: ApiRequest, limit: int | None) -> tuple[int, bool]:
    """Return how many rows a list of Flowise's holds, and whether it is a page of ours.

    Without `cursor` and `limit` it is a bare array. Raises OldForm for a page by its number.
    """
    if "page" in request.GET:
        raise OldForm(NUMBERED)
    is_page = limit is not None or "cursor" in request.GET
    return (limit or PER_PAGE) if is_page else AS_FLOWISE, is_page


def lead_on(
    request: ApiRequest, response: HttpResponse, of: str, place: str, limit: int, **more: Any
) -> str | None:
    """Return the cursor of the next page and name its address in `Link`; None at the end.

    `more` are the filters of the list, which the address repeats.
    """
    following = cursors.make(request.principal.team.id, of, place)
    if not following:
        return None
    query = urlencode({"cursor": following, "limit": min(limit, MOST_PER_PAGE), **more})
    link = f"{settings.PUBLIC_URL}{request.path}?{query}"
    response.headers["Link"] = f'<{link}>; rel="next"'
    return following
