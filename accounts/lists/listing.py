"""Lists of rows on pages: searched, filtered, sorted by a column, and 50 rows a page.

The address says what is shown, so that it can be kept and sent: `q`, the filters, `sort` (a column,
with a minus in front to turn it round) and `after`, the place of the last row of the page before.
A place is signed for its list and order. What can't be read is ignored: it shows the first page.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.core import signing
from django.db.models import F, Model, Q, QuerySet, TextField, Value
from django.db.models.functions import Concat
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django_htmx.http import replace_url

from accounts.forms.base import searched

PAGE = 50
# Where a filter has no index: so many rows are looked at, and the page offers to go on.
WINDOW = 10_000
LONGEST = 100  # characters of a search
LONGEST_PLACE = 2_000  # characters of `after`
M = TypeVar("M", bound=Model)
Narrow = Callable[["QuerySet[M]"], "QuerySet[M]"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list. One with a name can be sorted by.

    `by` is a field or an expression that is never NULL. `falls`: the highest value comes first.
    """

    label: str
    name: str = ""
    by: Any = None
    falls: bool = False
    css: str = ""
    is_quiet: bool = False  # its head is for screen readers alone


ACTIONS = Column("Actions", is_quiet=True)


def within(*parts: Any) -> Concat:
    """Return an order by a few values, such as a status, and by name within each."""
    spaced = [each for part in parts for each in (part, Value(" "))]
    return Concat(*spaced, output_field=TextField())


@dataclass(frozen=True, slots=True)
class Filter:
    """A short list beside the search. Its first option, whose value is empty, filters nothing."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]
    value: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column as the page draws it."""

    label: str
    css: str
    sorted: str  # `ascending`, `descending` or nothing
    link: str  # the address that sorts by it; empty if none does
    is_quiet: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """The rows of a page, and the queries that lead on."""

    rows: list[M]
    next: str  # the address of the next page; empty at the end
    asked: "Asked"
    noun: str
    nouns: str
    found: int | None = None  # how many rows fit in all; None where nobody counts them
    is_part: bool = False
    is_first: bool = True
    is_cut: bool = False  # the window ended before the page was full, and more rows may fit
    heads: Sequence[Head] = field(default_factory=tuple)


class Asked:
    """What the address of a list asks for."""

    def __init__(
        self,
        request: HttpRequest,
        columns: Sequence[Column],
        filters: Sequence[Filter] = (),
        *,
        usual: str = "",
        has_search: bool = True,
        path: str = "",
    ) -> None:
        """Read the address. The usual order is by the first column that can be sorted by.

        `path` is that of the list, where the request came to another.
        """
        self.path = path or request.path
        self.columns = columns
        self.has_search = has_search
        self.q = searched(request)[:LONGEST].strip() if has_search else ""
        self.filters = [_chosen(request, each) for each in filters]
        self._sortable = {column.name: column for column in columns if column.name}
        self.usual = usual or next(iter(self._sortable))
        wanted = request.GET.get("sort", "")
        self.sort = wanted if wanted.removeprefix("-") in self._sortable else self.usual
        self.is_turned = self.sort.startswith("-")
        self.column = self._sortable[self.sort.removeprefix("-")]
        self._place = self._read(request.GET.get("after", ""))
        self.is_part = bool(getattr(request, "htmx", False)) and not getattr(
            request.htmx,  # type: ignore[attr-defined]
            "history_restore_request",
            False,
        )

    def value(self, name: str) -> str:
        """Return the value of a filter."""
        return next(each.value for each in self.filters if each.name == name)

    @property
    def is_narrowed(self) -> bool:
        """Whether a search or a filter leaves rows out."""
        return bool(self.q) or any(each.value for each in self.filters)

    @property
    def orders(self) -> list[tuple[str, str]]:
        """Return the orders that a phone offers, where no head of a column is drawn."""
        return [(name, f"Order: {column.label.lower()}") for name, column in self._sortable.items()]

    def page(self, rows: "QuerySet[M]", noun: str, nouns: str = "") -> Page[M]:
        """Return the page of the rows that fit, and how many fit in all."""
        found = [*self._after_place(rows)[: PAGE + 1]]
        is_all = self._place is None and len(found) <= PAGE
        shown = self._page(found, noun, nouns)
        return replace(shown, found=len(found) if is_all else rows.count())

    def window(
        self, rows: "QuerySet[M]", narrow: "Narrow[M] | None", noun: str, nouns: str = ""
    ) -> Page[M]:
        """Return a page of rows that are too many to count, or to look at for a filter.

        `narrow` filters the next WINDOW rows, and the page offers to look further.
        """
        ordered = self._after_place(rows)
        if narrow is None:
            return self._page([*ordered[: PAGE + 1]], noun, nouns)
        end = ordered[WINDOW - 1 : WINDOW].first()
        if end is not None:
            ordered = ordered.filter(self._up_to(end.sort_value, end.pk))  # type: ignore[attr-defined]
        found = [*narrow(ordered)[: PAGE + 1]]
        shown = self._page(found, noun, nouns)
        if shown.next or end is None:
            return shown
        return replace(shown, next=self._address(after=self._cursor(end)), is_cut=True)

    def _page(self, found: list[M], noun: str, nouns: str) -> Page[M]:
        following = ""
        if len(found) > PAGE:
            following = self._address(after=self._cursor(found[PAGE - 1]))
        return Page(
            rows=found[:PAGE],
            next=following,
            asked=self,
            noun=noun,
            nouns=nouns or f"{noun}s",
            is_part=self.is_part,
            is_first=self._place is None,
            heads=self.heads(),
        )

    def _after_place(self, rows: "QuerySet[M]") -> "QuerySet[M]":
        by = self.column.by
        placed: Any = rows.annotate(sort_value=F(by) if isinstance(by, str) else by)
        if self._place is not None:
            value, pk = self._place
            way = "lt" if self.falls else "gt"
            later = Q(**{f"sort_value__{way}": value}) | Q(sort_value=value, **{f"pk__{way}": pk})
            # The range says no more than what follows it, and is for the index.
            placed = placed.filter(Q(**{f"sort_value__{way}e": value}), later)
        sign = "-" if self.falls else ""
        ordered: QuerySet[M] = placed.order_by(f"{sign}sort_value", f"{sign}pk")
        return ordered

    def _up_to(self, value: Any, pk: Any) -> Q:
        way = "gt" if self.falls else "lt"
        sooner = Q(**{f"sort_value__{way}": value})
        return sooner | Q(sort_value=value, **{f"pk__{way}e": pk})

    @property
    def falls(self) -> bool:
        """Whether the highest value comes first."""
        return self.column.falls != self.is_turned

    def heads(self) -> list[Head]:
        """Return the heads of the columns. A link turns the order that stands."""
        return [self._head(column) for column in self.columns]

    def _head(self, column: Column) -> Head:
        if not column.name:
            return Head(column.label, column.css, "", "", column.is_quiet)
        if column.name != self.column.name:
            return Head(column.label, column.css, "", self._address(sort=column.name))
        sort = column.name if self.is_turned else f"-{column.name}"
        way = "descending" if self.falls else "ascending"
        return Head(column.label, column.css, way, self._address(sort=sort))

    @property
    def address(self) -> str:
        """The address of the first page."""
        return self._address()

    def _address(self, **more: str) -> str:
        query = self._query(**more)
        return f"{self.path}?{query}" if query else self.path

    def _query(self, **more: str) -> str:
        wanted = {"q": self.q, **{each.name: each.value for each in self.filters}}
        wanted |= {"sort": self.sort} | more
        if wanted["sort"] == self.usual:
            del wanted["sort"]
        return urlencode({name: value for name, value in wanted.items() if value})

    def _cursor(self, row: Model) -> str:
        value: Any = row.sort_value  # type: ignore[attr-defined]
        if isinstance(value, datetime):
            return signing.dumps([value.isoformat(), str(row.pk), "moment"], salt=self._salt)
        return signing.dumps([value, str(row.pk), ""], salt=self._salt)

    def _read(self, after: str) -> tuple[Any, str] | None:
        if not after or len(after) > LONGEST_PLACE:
            return None
        try:
            value, pk, kind = signing.loads(after, salt=self._salt)
        except (signing.BadSignature, ValueError):
            return None
        return (datetime.fromisoformat(value) if kind == "moment" else value), pk

    @property
    def _salt(self) -> str:
        # The path names the team, and so no place of another team's list is read.
        return f"flowlatch.list.{self.path}.{self.column.name}"


def draw(
    request: HttpRequest,
    template: str,
    rows_template: str,
    context: dict[str, Any],
) -> HttpResponse:
    """Draw a page with a list, or its rows alone while somebody types a search.

    The context has the Page as `list`. The answer with rows alone also sets the browser's address.
    """
    page: Page[Any] = context["list"]
    context = {**context, "rows_template": rows_template}
    if not page.is_part:
        return render(request, template, context)
    return replace_url(render(request, rows_template, context), page.asked.address)


def _chosen(request: HttpRequest, each: Filter) -> Filter:
    value = request.GET.get(each.name, "")
    known = value if any(value == option for option, _ in each.options) else ""
    return Filter(each.name, each.label, each.options, known)
