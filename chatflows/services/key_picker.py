"""The key picker of the Access page: the selected keys first, the others by a search."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, prefetch_related_objects

from apikeys import searches
from apikeys.models import ApiKey
from apikeys.models.keys import ApiKeyQuerySet
from apikeys.services import key_lists
from chatflows.models import Chatflow, Selection

SELECTED = 100  # selected keys that the page draws; the others stay selected
FOUND = 20


@dataclass(frozen=True, slots=True)
class Picker:
    """What the picker draws. Each key has `is_checked`."""

    selected: list[ApiKey]
    not_drawn: int  # selected keys beyond these
    found: list[ApiKey]
    has_more: bool
    q: str


def pick(chatflow: Chatflow, q: str, checked: Collection[UUID] | None = None) -> Picker:
    """Return the keys to draw. `checked` is what a refused form chose; None: as it is saved.

    What was checked and is not selected yet stands beside the selected keys, so that no search
    loses it. Of a pasted key only the public id is searched for and drawn.
    """
    q = searches.searchable(q) or ""
    mine = selectable(chatflow)
    is_selected = Exists(Selection.objects.filter(chatflow=chatflow, key=OuterRef("pk")))
    saved = mine.filter(pk__in=chatflow.selections.values("key"))
    drawn = list(_drawn(saved)[: SELECTED + 1])
    if len(drawn) > SELECTED:
        drawn = drawn[:SELECTED]
        not_drawn = saved.count() - SELECTED
    else:
        not_drawn = 0
    if checked:
        drawn += _drawn(mine.filter(pk__in=checked).exclude(pk__in=[key.pk for key in drawn]))
    others = key_lists.searched_keys(chatflow.team, q) if q else mine
    free = others.selectable_for(chatflow.id).exclude(pk__in=[key.pk for key in drawn])
    page = key_lists.page(free.exclude(is_selected), None, "", size=FOUND)
    prefetch_related_objects([*drawn, *page.keys], "secrets")
    for key in (*drawn, *page.keys):
        is_on = key in drawn if checked is None else key.pk in checked
        key.is_checked = is_on  # type: ignore[attr-defined]
    return Picker(drawn, not_drawn, page.keys, bool(page.next), q)


def selectable(chatflow: Chatflow) -> ApiKeyQuerySet:
    """Return the keys that can open a chatflow: a publishable key is pinned to its own."""
    return ApiKey.objects.of(chatflow.team).kept().selectable_for(chatflow.id)


def _drawn(keys: ApiKeyQuerySet) -> QuerySet[ApiKey]:
    return keys.select_related("team", "service_account", "created_by").order_by("name_key")
