"""Lists: pages of rows by a cursor, with the header that leads on."""

from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import HttpResponse
from ninja import Query

from accounts.api import cursors
from accounts.api.operations import ApiRequest

Limit = Annotated[int, Query(ge=1, le=200, description="How many of them one answer holds.")]
Cursor = Annotated[str, Query(description="`next_cursor` of the page before.", max_length=600)]
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Listed(Generic[Row]):
    """The rows of a page, the cursor of the next one, and its address."""

    rows: list[Row]
    following: str | None
    link: str

    def mark(self, response: HttpResponse) -> None:
        """Put the header on an answer that has a next page."""
        if self.following:
            response.headers["Link"] = f'<{self.link}>; rel="next"'


def listed(
    request: ApiRequest, of: str, rows: "QuerySet[Row]", limit: int, **more: Any
) -> Listed[Row]:
    """Return the first rows, which are ordered by their primary keys and begin after the cursor.

    `of` names the list in cursors; `more` are other parameters of the next page's address.
    """
    found = list(rows[: limit + 1])
    place = str(found[limit - 1].pk) if len(found) > limit else ""
    following = cursors.make(request.principal.team.id, of, place)
    query = urlencode({"cursor": following, "limit": limit, **more})
    link = f"{settings.PUBLIC_URL}{request.path}?{query}"
    return Listed(found[:limit], following or None, link)
