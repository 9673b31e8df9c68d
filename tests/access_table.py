"""The table of every route by role and credential, made of the declared policies.

    make table     writes docs/access-table.md anew

It says what should be; `tests/architecture/test_access_table.py` walks it cell by cell.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django

FILE = Path(__file__).resolve().parents[1] / "docs" / "access-table.md"

NOBODIES = ("nobody", "API key", "visitor", "deactivated")
ROLES = ("viewer", "editor", "admin", "owner")
PAGE_COLUMNS = (
    *NOBODIES,
    *("stranger", "suspended", "operator", "operator, stale", "operator who views"),
    *ROLES,
    "owner, stale",
)
OUTSIDERS = ("stranger", "operator", "operator, stale")
NO_KEY = ("no key", "owner's session", "visitor's cookie")
BAD_KEYS = (
    "mistyped key",
    "disabled key",
    "disabled account's key",
    "suspended team's key",
)
WITHOUT_SCOPE = "key without the scope"
PUBLISHABLE = "publishable key"  # pinned to the chatflow, from a page of an origin that it lists
PUBLISHABLE_ELSEWHERE = ("publishable key, no origin", "publishable key, other origin")
PUBLISHABLE_OTHER = "publishable key of another chatflow"
KEY_COLUMNS = (
    *NO_KEY,
    *BAD_KEYS,
    *("another team's key", WITHOUT_SCOPE, "key not selected", "selected key"),
    *(PUBLISHABLE, *PUBLISHABLE_ELSEWHERE, PUBLISHABLE_OTHER),
)

INTRO = """\
# Every route by role and credential

Made by `make table` from the policies that the routes declare, and walked cell by cell by
`tests/architecture/test_access_table.py`. Don't edit it by hand.

## Pages

| word | what it says |
| --- | --- |
| yes | let in: the page answers, or says what is wrong with the form |
| login | led to the login page |
| flow | led to the login page of the team's flow app |
| password | let in once the password is confirmed again |
| 403 | a member whose role doesn't suffice, or whose team is suspended |
| 404 | as if there were nothing here |

A *stranger* owns another team; *suspended* is an owner whose team is suspended; *deactivated* an
owner whose account is; *stale* is who gave the password more than ten minutes ago. *API key*
is a key in the `Authorization` header, *visitor* the cookie of someone who is in the flow app.
Pages whose credential is a link (`<token>`) are open here; without a live link they say so (410).
Other methods than these are refused (405) to those who are let in, but that GET of an address
which takes only POST leads to the page that its form stands on. Another team's id gets the
answer of an id that is nobody's.

"""
API = """
## API

The answer's status, on a chatflow in each access mode. Routes without a mode ask about no chatflow
(`/v1/models` lists those that the key opens, or none). HEAD gets what GET gets, other methods 405.
`/metrics` is for those who run the server, by another secret ([who](watching.md#metrics)): no key
opens it, and to all others it is as if nothing were there.
The *key without the scope* is selected, and holds every scope but `predictions:create`, which each
of these routes asks for.
A publishable key is pinned to the chatflow that is asked, or to another, and is sent from a page of
an origin that it lists, if the column says nothing else.

"""
OPERATIONS = """
## The management API

Any kind of key in the header Authorization. *in*: let in; the answer is then about what was asked.
Another team's key is let in too, to its own team alone: a thing of another team is a thing that is
not there. `tests/architecture/test_access_table_operations.py` walks every cell, and every scope.

"""
SCOPES = """
## Scopes

What a key may hold, and which roles may give it: by making such a key, by making a new text of it,
or by enabling it again. Others are refused (403).

"""


@dataclass(frozen=True, slots=True)
class Page:
    """A row: a page and one of its methods."""

    method: str
    path: str
    policy: Any

    @property
    def cells(self) -> dict[str, str]:
        """What each column gets."""
        return {column: self._cell(column) for column in PAGE_COLUMNS}

    def _cell(self, column: str) -> str:
        from accounts.guards import SIGNED_IN

        if self.policy.permission is not None:
            return self._team_cell(column)
        if self.policy.is_operators:
            return self._operator_cell(column)
        if self.policy.open_because == SIGNED_IN:
            return "login" if column in NOBODIES else self._let_in(column)
        return self._open_cell(column)

    def _team_cell(self, column: str) -> str:
        from accounts.models import Role
        from accounts.permissions import ROLE_PERMISSIONS

        if column in NOBODIES:
            return "login"
        if column in OUTSIDERS:
            return "404"
        if column == "suspended":
            return "403"
        name = {"operator who views": "viewer", "owner, stale": "owner"}.get(column, column)
        if self.policy.permission not in ROLE_PERMISSIONS[Role(name)]:
            return "403"
        return self._let_in(column)

    def _operator_cell(self, column: str) -> str:
        if column in NOBODIES:
            return "login"
        return self._let_in(column) if column.startswith("operator") else "404"

    def _let_in(self, column: str) -> str:
        return "password" if column.endswith("stale") and self.policy.fresh_login else "yes"

    def _open_cell(self, column: str) -> str:
        from chatflows.views.flow_guard import ENTERED, REASON

        if self.policy.open_because not in (ENTERED, REASON):
            return "yes"
        if column == "suspended":  # the flow app closes with its team
            return "404"
        is_in = column == "visitor" or self.policy.open_because == REASON
        return "yes" if is_in else "flow"


@dataclass(frozen=True, slots=True)
class ApiRoute:
    """A row: a route of the gate, on a chatflow in a mode."""

    method: str
    path: str
    mode: str  # empty: the route asks about no chatflow
    is_open: bool
    is_about_key: bool = False  # the chatflow is one of those that the key opens, or not found
    is_hidden: bool = False  # from all but those who run the server

    @property
    def cells(self) -> dict[str, int]:
        """What each column gets."""
        return {column: self._cell(column) for column in KEY_COLUMNS}

    def _cell(self, column: str) -> int:
        if self.is_open or self.is_hidden:
            return 404 if self.is_hidden else 200
        if column in NO_KEY:
            return 200 if self.mode == "public" and not self.is_about_key else 401
        return self._by_key(column) or self._by_mode(column)

    def _by_key(self, column: str) -> int | None:
        """What the key is refused with whatever the mode."""
        if column in BAD_KEYS:
            return 401
        if column == WITHOUT_SCOPE or column in PUBLISHABLE_ELSEWHERE:
            return 403
        is_foreign = column in ("another team's key", PUBLISHABLE_OTHER)
        return 404 if is_foreign and self.mode else None

    def _by_mode(self, column: str) -> int:
        if self.mode in ("", "public"):
            return 200
        is_opened = self.mode == "keys" and column in ("selected key", PUBLISHABLE)
        return 200 if is_opened else 404 if self.is_about_key else 403


def pages() -> Iterator[Page]:
    """The rows of pages, in the order of the URL conf."""
    from accounts.checks import pages as all_pages

    for path, view in all_pages():
        for method in methods_of(view):
            yield Page(method, path, view.policy)


def methods_of(view: Any) -> list[str]:
    """The methods that a view's decorator lets through: of GET and POST, all if there is none."""
    if hasattr(view, "page"):
        return ["POST"]
    while view is not None:
        cells = dict(zip(view.__code__.co_freevars, view.__closure__ or (), strict=True))
        if "request_method_list" in cells:
            named = cells["request_method_list"].cell_contents
            return [method for method in ("GET", "POST") if method in named]
        view = getattr(view, "__wrapped__", None)
    return ["GET", "POST"]


def api_routes() -> Iterator[ApiRoute]:
    """The rows of the gate's table."""
    from chatflows.gate import subjects
    from chatflows.gate.routes import ROUTES, Asks, Open, Watchers

    for route in ROUTES:
        if isinstance(route.policy, Watchers):
            yield ApiRoute(route.method, route.path, "", is_open=False, is_hidden=True)
            continue
        is_open = isinstance(route.policy, Open)
        is_about_key = isinstance(route.policy, Asks) and route.policy.about is subjects.key
        has_chatflow = not is_open and not (is_about_key and "{id}" not in route.path)
        for mode in ("keys", "public", "off") if has_chatflow else ("",):
            yield ApiRoute(route.method, route.path, mode, is_open, is_about_key)


WITH_SCOPE = "key with the scope"
OPERATION_COLUMNS = (
    *NO_KEY,
    *BAD_KEYS,
    *("another team's key", WITHOUT_SCOPE, PUBLISHABLE, WITH_SCOPE),
)


@dataclass(frozen=True, slots=True)
class OperationRow:
    """A row: an operation of the management API."""

    method: str
    path: str
    scopes: tuple[str, ...]  # one of these is enough; none: any good key
    is_open: bool

    @property
    def cells(self) -> dict[str, str]:
        """What each column gets: a status, or that it is let in."""
        return {column: self._cell(column) for column in OPERATION_COLUMNS}

    def _cell(self, column: str) -> str:
        if self.is_open:
            return "in"
        if column in NO_KEY or column in BAD_KEYS or column == PUBLISHABLE:
            return "401"
        if column == "another team's key":
            return "404" if "_id}" in self.path else "in"
        return "403" if column == WITHOUT_SCOPE and self.scopes else "in"


def operation_rows() -> Iterator[OperationRow]:
    """The rows of the management API, in the order of its document."""
    from config.openapi.api import operations

    for method, path, operation in operations():
        policy = (operation.openapi_extra or {})["x-policy"]
        scopes = tuple(scope.value for scope in policy.scopes)
        yield OperationRow(method, path, scopes, bool(policy.open_because))


def scope_rows() -> Iterator[tuple[str, dict[str, bool]]]:
    """Each scope, and whether each role may give it."""
    from accounts.models import Role
    from accounts.permissions import ROLE_PERMISSIONS, SCOPES

    for scope in sorted(SCOPES):
        may_make = "apikeys:create"
        held = {role: ROLE_PERMISSIONS[Role(role)] for role in ROLES}
        yield scope, {role: scope in held[role] and may_make in held[role] for role in ROLES}


def text() -> str:
    """The whole file."""
    page_rows = [[page.method, f"`{page.path}`", *page.cells.values()] for page in pages()]
    api_rows = [
        [route.method, f"`{route.path}`", route.mode, *map(str, route.cells.values())]
        for route in api_routes()
    ]
    operation_cells = [
        [row.method, f"`{row.path}`", " or ".join(row.scopes) or "any key", *row.cells.values()]
        for row in operation_rows()
    ]
    scopes = [
        [f"`{scope}`", *("yes" if may else "403" for may in cells.values())]
        for scope, cells in scope_rows()
    ]
    return (
        INTRO
        + _table(["", "page", *PAGE_COLUMNS], page_rows)
        + API
        + _table(["", "route", "mode", *KEY_COLUMNS], api_rows)
        + OPERATIONS
        + _table(["", "operation", "scope", *OPERATION_COLUMNS], operation_cells)
        + SCOPES
        + _table(["scope", *ROLES], scopes)
    )


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    FILE.write_text(text())
    sys.stdout.write(f"{FILE} is written.\n")
