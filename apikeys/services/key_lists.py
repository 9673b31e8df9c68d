"""Lists of keys: searched, filtered and in pages, also where a team has a million of them.

No list counts all rows. The usual order is by last use, then the newest of those never used, and an
index holds it (`api_key_by_use`). Another index holds the order by name, either way. A cursor names
the last row of a page by its place in the order.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts.models import Environment, Team, User
from accounts.models.names import fold
from apikeys import resources
from apikeys.models import ApiKey, KeySecret
from apikeys.models.keys import EXPIRES_SOON, ApiKeyQuerySet, Kind

PAGE = 50
# A filter that no index answers looks at so many keys at a time, and the page offers to go on.
WINDOW = 10_000
FOUND = 200  # keys of each sort that one search finds
LEAST_HINT = 3  # characters
MAKERS = 20
ORDER = ("-last_used_at", "-created_at", "-id")
BY_NAME = ("name", "-name")  # the orders beside the usual one
MAX_NAME = 200  # characters of a folded name in a cursor
Narrow = Callable[[ApiKeyQuerySet], ApiKeyQuerySet]


@dataclass(frozen=True, slots=True)
class Page:
    """Some keys, and the cursor of the next page; empty at the end.

    `is_cut`: the window ended before the page was full, and more keys may fit. `is_capped`: the
    search found as many keys as it takes, and more may fit.
    """

    keys: list[ApiKey]
    next: str = ""
    is_cut: bool = False
    is_capped: bool = False


@dataclass(frozen=True, slots=True)
class Filters:
    """What to show. An empty value filters nothing."""

    show: str = ""
    kind: str = ""
    environment: str = ""

    def __bool__(self) -> bool:
        return any((self.show, self.kind, self.environment))

    def narrow(self, keys: ApiKeyQuerySet) -> ApiKeyQuerySet:
        """Return the keys that fit."""
        if self.show in SHOWS:
            keys = SHOWS[self.show](keys)
        if self.kind:
            keys = keys.filter(kind=self.kind)
        if self.environment:
            own = Q(service_account=None, environment=self.environment)
            keys = keys.filter(own | Q(service_account__environment=self.environment))
        return keys


def filters(show: str, kind: str, environment: str) -> Filters:
    """Return the filters of a query string. What is unknown filters nothing."""
    return Filters(
        show if show in SHOWS else "",
        kind if kind in Kind.values else "",
        environment if environment in Environment.values else "",
    )


def searched_keys(team: Team, q: str) -> ApiKeyQuerySet:
    """Return the team's keys that a search finds (see `_found`)."""
    return ApiKey.objects.of(team).kept().filter(pk__in=_found(team, q))


def _found(team: Team, q: str) -> set[UUID]:
    """Return the ids of keys that a search finds, at most FOUND of each sort.

    Names and hints are searched from their beginning among all keys; parts of names and hints,
    makers and service accounts among the WINDOW keys used last. The names of
    chatflows that a key opens find it too.
    """
    kept = ApiKey.objects.of(team).kept()
    found = set(kept.filter(name_key__begins=fold(q)).values_list("pk", flat=True)[:FOUND])
    found.update(resources.registry().keys_opening(team, q, FOUND))
    secrets, hint = KeySecret.objects.all(), _hint(q)
    if len(hint) >= LEAST_HINT:
        mine = secrets.filter(public_id__begins=hint, key__team=team, key__deleted_at=None)
        found.update(mine.values_list("key", flat=True)[:FOUND])
    makers = User.objects.filter(username__icontains=q).values_list("pk", flat=True)[:MAKERS]
    inside = Q(name_key__contains=fold(q)) | Q(created_by__in=list(makers))
    inside |= Q(service_account__name_key__contains=fold(q))
    if len(hint) >= LEAST_HINT:
        inside |= Q(Exists(secrets.filter(key=OuterRef("pk"), public_id__contains=hint)))
    for segment in _segments(kept, ""):
        window, end = _window(segment)
        found.update(window.filter(inside).values_list("pk", flat=True)[:FOUND])
        if end is not None:
            break
    return found


def search(team: Team, q: str, wanted: Filters, after: str, sort: str = "") -> Page:
    """Return a page of the team's keys that fit a search and filters, by use or by name."""
    kept = ApiKey.objects.of(team).kept()
    if q:  # few enough for filters without a window
        found = _found(team, q)
        shown = page(wanted.narrow(kept.filter(pk__in=found)), None, after, sort=sort)
        return replace(shown, is_capped=len(found) >= FOUND)
    return page(kept, wanted.narrow if wanted else None, after, sort=sort)


def page(
    keys: ApiKeyQuerySet, narrow: Narrow | None, after: str, *, size: int = PAGE, sort: str = ""
) -> Page:
    """Return the keys after a cursor. Their secrets are still to be read.

    A search's keys are few, and need no window: `narrow` them before. `sort` is one of BY_NAME, or
    empty for the usual order.
    """
    ids: list[UUID] = []
    for segment in _named(keys, after, sort) if sort else _segments(keys, after):
        rows, end = segment, None
        if narrow is not None:
            window, end = _named_window(segment, sort) if sort else _window(segment)
            rows = narrow(window)
        ids += rows.values_list("pk", flat=True)[: size + 1 - len(ids)]
        if len(ids) > size:
            found = _loaded(ids[:size])
            return Page(found, _cursor(found[-1], sort))
        if end is not None:
            return Page(_loaded(ids), _cursor(end, sort), is_cut=True)
    return Page(_loaded(ids))


def _loaded(ids: list[UUID]) -> list[ApiKey]:
    # By a statement of its own: beside a join the planner leaves the index that holds the order.
    rows = ApiKey.objects.select_related("team", "service_account", "created_by").in_bulk(ids)
    return [rows[pk] for pk in ids if pk in rows]


def is_large(team: Team) -> bool:
    """Whether a team has more keys than one window holds."""
    kept = ApiKey.objects.of(team).kept()
    return bool(kept.order_by("name_key").values("pk")[WINDOW : WINDOW + 1])


def _segments(keys: ApiKeyQuerySet, after: str) -> Iterator[ApiKeyQuerySet]:
    # Two of them, since the databases put NULL at different ends.
    used, unused = keys.filter(last_used_at__isnull=False), keys.filter(last_used_at=None)
    place = _place(after)
    if place is not None:
        last_used_at, created_at, pk = place
        later = Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lt=pk)
        if last_used_at is None:
            yield unused.filter(later, created_at__lte=created_at).order_by(*ORDER)
            return
        later = Q(last_used_at__lt=last_used_at) | (Q(last_used_at=last_used_at) & later)
        used = used.filter(later, last_used_at__lte=last_used_at)  # the range is for the index
    yield used.order_by(*ORDER)
    yield unused.order_by(*ORDER)


def _window(segment: ApiKeyQuerySet) -> tuple[ApiKeyQuerySet, ApiKey | None]:
    """Return the first WINDOW keys of a segment, and the last of them; None if it has fewer.

    They are bounded by a place in the order, which the index holds, and not by their ids.
    """
    end = segment.only("last_used_at", "created_at")[WINDOW - 1 : WINDOW].first()
    if end is None:
        return segment, None
    sooner = Q(created_at__gt=end.created_at) | Q(created_at=end.created_at, pk__gte=end.pk)
    if end.last_used_at is None:
        return segment.filter(sooner, created_at__gte=end.created_at), end
    sooner = Q(last_used_at__gt=end.last_used_at) | (Q(last_used_at=end.last_used_at) & sooner)
    return segment.filter(sooner, last_used_at__gte=end.last_used_at), end


def _named(keys: ApiKeyQuerySet, after: str, sort: str) -> list[ApiKeyQuerySet]:
    # Kept names are unique in a team, so a name is a place.
    ordered = keys.order_by("-name_key" if sort == "-name" else "name_key")
    place = after.replace("\0", "")[:MAX_NAME]
    way = "lt" if sort == "-name" else "gt"
    return [ordered.filter(**{f"name_key__{way}": place}) if place else ordered]


def _named_window(segment: ApiKeyQuerySet, sort: str) -> tuple[ApiKeyQuerySet, ApiKey | None]:
    end = segment.only("name_key")[WINDOW - 1 : WINDOW].first()
    if end is None:
        return segment, None
    way = "gte" if sort == "-name" else "lte"
    return segment.filter(**{f"name_key__{way}": end.name_key}), end


def _cursor(key: ApiKey, sort: str) -> str:
    if sort:
        return key.name_key
    used = key.last_used_at.isoformat() if key.last_used_at else ""
    return f"{used}~{key.created_at.isoformat()}~{key.pk}"


def _place(cursor: str) -> tuple[datetime | None, datetime, UUID] | None:
    """Read a cursor. What can't be read is the beginning."""
    try:
        used, created, pk = cursor.split("~")
        return _moment(used) if used else None, _moment(created), UUID(pk)
    except (ValueError, OverflowError):  # of a moment beyond the calendar in UTC
        return None


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment.astimezone(UTC)


def _hint(q: str) -> str:
    """Return the beginning of a public id in what was typed or copied: `flk_sk_8fK2…m3Rw`."""
    text = q.removeprefix("flk_sk_").removeprefix("flk_pk_")
    head = text.split("…")[0].split("...")[0].split("_")[0]
    return head if head.isascii() and head.isalnum() else ""


def _is_working_account() -> Q:
    account = Q(service_account__disabled_at=None, service_account__deleted_at=None)
    return Q(service_account=None) | account


def _attention(keys: ApiKeyQuerySet) -> ApiKeyQuerySet:
    now = timezone.now()
    live = Exists(KeySecret.objects.live(now).filter(key=OuterRef("pk")))
    needs = Q(expires_at__lte=now + EXPIRES_SOON) | ~Q(live)
    return keys.filter(needs, _is_working_account(), disabled_at=None)


def _disabled(keys: ApiKeyQuerySet) -> ApiKeyQuerySet:
    return keys.filter(Q(disabled_at__isnull=False) | ~_is_working_account())


SHOWS: dict[str, Narrow] = {
    "active": lambda keys: keys.usable(),
    "attention": _attention,
    "disabled": _disabled,
    "unused": lambda keys: keys.filter(last_used_at=None),
    "expired": lambda keys: keys.filter(expires_at__lte=timezone.now()),
}
