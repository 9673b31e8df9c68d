"""The management API's part of the table of routes by credential, walked by Django's client."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import Role, Team, User
from accounts.permissions import SCOPES, with_implied
from accounts.services import invitations, service_accounts
from accounts.services.service_accounts import About
from apikeys import key_text
from apikeys.models import ApiKey
from apikeys.services import keys
from chatflows.flow_app import flow_apps, visits
from chatflows.models import Chatflow
from tests import access_table, factories
from tests.access_table import OperationRow
from tests.config.openapi.callers import Caller, caller
from tests.factories import TESTER

pytestmark = [pytest.mark.django_db, pytest.mark.fast]

ROWS = tuple(access_table.operation_rows())
ids = [f"{row.method} {row.path}" for row in ROWS]
# What stands in a path beside an id of ours.
TEXTS = {"anything": "x", "key": "x"}


@pytest.fixture
def callers(acme: Team, globex: Team, alice: User, faq: Chatflow) -> dict[str, Caller]:
    """Whoever sends something, by column, but for those that depend on the operation."""
    closed = factories.team("Umbrella")
    account = service_accounts.create(acme, About("Sync", "production"), TESTER)
    disabled, of_disabled = keys.add(acme, "disabled", TESTER, scopes=SCOPES)
    _, of_account = keys.add(acme, "of an account", TESTER, service_account=account, scopes=SCOPES)
    of_closed = keys.add(closed, "closed", TESTER, scopes=SCOPES)[1]
    keys.disable(disabled, TESTER)
    service_accounts.disable(account, TESTER)
    Team.objects.filter(pk=closed.pk).update(suspended_at=timezone.now())
    found = {
        "no key": Nobody(),
        "owner's session": Nobody(),
        "visitor's cookie": Nobody(),
        "mistyped key": Caller(key_text.generate().text),
        "disabled key": Caller(of_disabled),
        "disabled account's key": Caller(of_account),
        "suspended team's key": Caller(of_closed),
        "another team's key": Caller(keys.add(globex, "theirs", TESTER, scopes=SCOPES)[1]),
        access_table.PUBLISHABLE: Caller(factories.publishable(acme, "widget", faq)[1]),
    }
    found["owner's session"].client = factories.client(alice, is_fresh=True)
    flow_apps.save(acme, "open", None, TESTER)
    found["visitor's cookie"].client.cookies[settings.FLOW_COOKIE_NAME] = visits.begin(
        flow_apps.of(acme)
    )[1]
    return found


class Nobody(Caller):
    """Sends no key."""

    def __init__(self) -> None:
        super().__init__("")

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Call without the header."""
        return self.client.generic(
            method, f"/api/v1{path}", b"{}", content_type="application/json", headers=headers
        )


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_every_cell_of_an_operation_is_true(
    row: OperationRow, acme: Team, callers: dict[str, Caller]
) -> None:
    callers[access_table.WITHOUT_SCOPE] = caller(acme, *_all_but(row), name="without")
    callers[access_table.WITH_SCOPE] = caller(acme, *(row.scopes or ["usage:view"]), name="with")
    path = filled(row.path, lambda name: factories.NOBODYS_ID)
    got = {
        column: _cell(callers[column](row.method, path, {}, origin=factories.ORIGIN))
        if column == access_table.PUBLISHABLE
        else _cell(callers[column](row.method, path, {}))
        for column in row.cells
    }
    assert got == {column: "in" if cell == "404" else cell for column, cell in row.cells.items()}


def _all_but(row: OperationRow) -> list[str]:
    """Every scope that implies none of the operation's."""
    return [scope for scope in SCOPES if not with_implied([scope]) & {*row.scopes}]


def _cell(answer: Any) -> str:
    code = answer.json().get("code") if answer.content and answer.status_code >= 400 else ""
    if answer.status_code == 403 and code != "insufficient_scope":
        return "in"
    return str(answer.status_code) if answer.status_code in (401, 403) else "in"


def test_each_scope_alone_opens_exactly_what_names_it(acme: Team) -> None:
    wrong = []
    for scope in sorted(SCOPES):
        holder = caller(acme, scope, name=f"only {scope}")
        held = with_implied([scope])
        for row in ROWS:
            path = filled(row.path, lambda name: factories.NOBODYS_ID)
            is_in = row.is_open or not row.scopes or bool(held & {*row.scopes})
            got = _cell(holder(row.method, path, {}))
            if got != ("in" if is_in else "403"):
                wrong.append((scope, row.method, row.path, got))
    assert wrong == []


def test_another_teams_thing_looks_like_nobodys_in_every_operation(
    acme: Team, globex: Team, mallory: User
) -> None:
    theirs = _things(globex, mallory)
    ours = caller(acme, *SCOPES)
    wrong = []
    for row in ROWS:
        if "_id}" not in row.path:
            continue
        foreign, random = (
            factories.without_id_and_time(ours(row.method, filled(row.path, find), {}))
            for find in (theirs.__getitem__, lambda name: factories.NOBODYS_ID)
        )
        if foreign != random:
            wrong.append((row.method, row.path, foreign, random))
    assert wrong == []


def _things(team: Team, owner: User) -> dict[str, object]:
    """A thing of a team for each name that stands in a path."""
    by = factories.TESTER
    return {
        "key_id": ApiKey.objects.of(team).get().id,
        "chatflow_id": factories.chatflow(team, "Theirs").id,
        "account_id": service_accounts.create(team, About("Sync", "production"), by).id,
        "invitation_id": invitations.invite(team, ["zoe@example.com"], Role.VIEWER, by)[
            0
        ].invitation.id,
        "member_id": owner.pk,
    }


def filled(path: str, find: Callable[[str], object]) -> str:
    """A path with something in each place."""
    named = re.sub(r"{(\w+)}", lambda found: str(TEXTS.get(found[1]) or find(found[1])), path)
    return named.removeprefix("/api/v1")
