"""Operations on service accounts and their keys."""

from typing import Any

import pytest

from accounts.models import ServiceAccount, Team, User
from accounts.services import service_accounts
from accounts.services.service_accounts import About
from apikeys.services import keys
from tests import factories
from tests.config.openapi.callers import Caller, caller
from tests.factories import TESTER

pytestmark = [pytest.mark.django_db, pytest.mark.fast]
ALL = tuple(f"service-accounts:{verb}" for verb in ("create", "update", "delete"))


@pytest.fixture
def robot(acme: Team) -> Caller:
    """A key of acme that manages service accounts and their keys."""
    made = caller(acme, *ALL, "apikeys:create", "predictions:create")
    made("GET", "/service-accounts")
    return made


def test_an_account_is_made_changed_and_deleted_with_its_keys(
    acme: Team, alice: User, robot: Caller
) -> None:
    body = {"name": "crm-sync", "environment": "staging", "owner": "alice"}
    made = robot("POST", "/service-accounts", body)
    assert made.status_code == 201, made.content
    path = f"/service-accounts/{made.json()['id']}"
    key = robot("POST", f"{path}/api-keys", {"name": "of sync"})
    assert key.status_code == 201, key.content
    text = key.json()["api_key"]
    assert key.json()["environment"] == "staging"
    assert [each["name"] for each in robot("GET", f"{path}/api-keys").json()["data"]] == ["of sync"]
    assert robot("PATCH", path, {"disabled": True}).json()["disabled"] is True
    assert Caller(text)("GET", "/apikey/self").status_code == 401
    changed = robot("PUT", path, {"disabled": False, "description": "Copies", "owner": None}).json()
    assert (changed["disabled"], changed["description"], changed["owner"]) == (
        False,
        "Copies",
        None,
    )
    assert Caller(text)("GET", "/apikey/self").status_code == 200
    assert robot("DELETE", path).status_code == 204
    assert Caller(text)("GET", "/apikey/self").status_code == 401
    assert robot("GET", path).status_code == 404


def test_waking_an_account_asks_for_the_scopes_of_its_keys(acme: Team, robot: Caller) -> None:
    account = service_accounts.create(acme, About("Auditor", "production"), TESTER)
    keys.add(acme, "reads the trail", TESTER, service_account=account, scopes=["audit:view"])
    path = f"/service-accounts/{account.id}"
    assert robot("PATCH", path, {"disabled": True}).status_code == 200
    answer = robot("PATCH", path, {"disabled": False, "name": "Renamed"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert ServiceAccount.objects.get(pk=account.pk).name == "Auditor"  # all of it, or nothing


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "sync"}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"name": "a", "environment": "moon"}, "environment"),
        ({"name": "a", "owner": "mallory"}, "owner"),
        ({"name": "a", "team": "globex"}, "team"),
        ({"name": "a", "description": "x" * 301}, "description"),
    ],
)
def test_what_can_t_be_taken_is_refused_by_its_name(
    acme: Team, mallory: User, robot: Caller, body: dict[str, object], field: str
) -> None:
    service_accounts.create(acme, About("Sync", "production"), TESTER)
    before = factories.state()
    answer: Any = robot("POST", "/service-accounts", body)
    assert answer.status_code == 422, answer.content
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert factories.state() == before


def test_a_key_is_made_for_the_account_of_the_address_alone(acme: Team, robot: Caller) -> None:
    first = service_accounts.create(acme, About("First", "production"), TESTER)
    second = service_accounts.create(acme, About("Second", "production"), TESTER)
    body = {"name": "k", "service_account": str(second.id)}
    answer = robot("POST", f"/service-accounts/{first.id}/api-keys", body)
    assert answer.json()["errors"][0]["field"] == "service_account"
    wide = {"name": "k", "scopes": ["audit:view"]}
    assert robot("POST", f"/service-accounts/{first.id}/api-keys", wide).status_code == 403


def test_pages_lead_through_all_accounts_once(acme: Team, robot: Caller) -> None:
    for number in range(5):
        service_accounts.create(acme, About(f"Account {number}", "production"), TESTER)
    seen: list[str] = []
    path = "/service-accounts?limit=2"
    while path:
        page = robot("GET", path).json()
        seen += [each["name"] for each in page["data"]]
        cursor = page["next_cursor"]
        path = f"/service-accounts?limit=2&cursor={cursor}" if cursor else ""
    assert len(seen) == len({*seen}) == 5


def test_nobody_overwrites_or_deletes_what_they_have_not_seen(acme: Team, robot: Caller) -> None:
    made = robot("POST", "/service-accounts", {"name": "crm"})
    path = f"/service-accounts/{made.json()['id']}"
    tag = robot("GET", path).headers["ETag"]
    assert made.headers["ETag"] == tag
    first = robot("PATCH", path, {"description": "first"}, **{"If-Match": tag})
    assert first.status_code == 200
    for method, body in (("PATCH", {"description": "second"}), ("DELETE", None)):
        late = robot(method, path, body, **{"If-Match": tag})
        assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert ServiceAccount.objects.get().description == "first"
    assert robot("DELETE", path, **{"If-Match": first.headers["ETag"]}).status_code == 204


def test_an_address_does_not_tell_whose_it_is(alice: User, robot: Caller) -> None:
    for address in (alice.email, "nobody@example.com"):
        answer = robot("POST", "/service-accounts", {"name": "crm", "owner": address})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "owner")
