"""Operations on keys: list, create, get, update, delete."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import AuditEvent, Team, User
from accounts.services import service_accounts
from accounts.services.service_accounts import About
from apikeys import key_text
from apikeys.models import ApiKey, KeyPolicy
from apikeys.services import keys
from chatflows.models import Chatflow
from tests import factories
from tests.config.openapi.callers import Caller, caller
from tests.factories import TESTER

pytestmark = [pytest.mark.django_db, pytest.mark.fast]

ALL = ("apikeys:create", "apikeys:update", "apikeys:delete", "chatflows:update", "usage:view")
LATER = "2030-01-31T12:00:00+02:00"


@pytest.fixture
def robot(acme: Team) -> Caller:
    """A key of acme that manages keys, and asks chatflows."""
    made = caller(acme, *ALL, "predictions:create")
    made("GET", "/apikey")  # its use is noted, so that nothing else changes by being refused
    return made


def errors_of(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.content
    return {each["field"]: each["message"] for each in answer.json()["errors"]}


def test_a_key_is_made_with_its_terms_and_its_text_stands_in_this_answer_alone(
    acme: Team, robot: Caller, faq: Chatflow, adam: User
) -> None:
    answer = robot(
        "POST",
        "/apikey",
        {
            "name": "crm-sync",
            "scopes": ["predictions:create", "usage:view"],
            "expires_at": LATER,
            "chatflows": [str(faq.id)],
            "environment": "staging",
            "note": "Asked by the shop",
            "contact": "adam",
            "limits": {"requests_per_minute": 60, "budget": "20.00", "streams": None},
            "networks": ["203.0.113.0/24"],
            "origins": ["https://shop.acme.example"],
        },
    )
    assert answer.status_code == 201, answer.content
    made = answer.json()
    text = made["api_key"]
    assert made["apiKey"] == text
    assert key_text.parse(text) is not None
    assert made["expires_at"] == "2030-01-31T10:00:00Z"
    assert (made["name"], made["keyName"]) == ("crm-sync", "crm-sync")
    assert made["limits"]["requests_per_minute"] == 60
    assert made["limits"]["budget"] == "20.00"
    assert made["chatflows"] == [str(faq.id)]
    assert made["chatFlows"] == [{"id": str(faq.id), "flowName": faq.name}]
    assert made["contact"] == "adam"
    assert answer.headers["Location"].endswith(f"/api/v1/apikey/{made['id']}")
    again = robot("GET", f"/apikey/{made['id']}")
    assert again.json() == {**made, "api_key": None, "apiKey": None}
    assert text not in factories.dump()
    event = AuditEvent.objects.filter(action="api_key.create").latest("pk")
    assert (event.actor_kind, event.actor_name) == ("key", "automation")


def test_a_key_gives_no_scope_that_it_lacks(acme: Team) -> None:
    before = ApiKey.objects.count()
    narrow = caller(acme, "apikeys:create")
    answer = narrow("POST", "/apikey", {"name": "wide", "scopes": ["audit:view"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "audit:view" in answer.json()["detail"]
    assert ApiKey.objects.count() == before + 1  # the narrow one alone


def test_a_key_opens_no_chatflow_that_it_may_not_update(acme: Team, faq: Chatflow) -> None:
    narrow = caller(acme, "apikeys:create", "predictions:create")
    answer = narrow("POST", "/apikey", {"name": "asks", "chatflows": [str(faq.id)]})
    assert answer.status_code == 403
    assert not ApiKey.objects.filter(name="asks").exists()


def test_flowises_scripts_go_on(robot: Caller) -> None:
    permissions = ["usage:view", "chatflows:update", "tools:view", "apikeys:view"]
    answer = robot("POST", "/apikey", {"keyName": "old script", "permissions": permissions})
    assert answer.status_code == 201
    made = answer.json()
    assert made["keyName"] == "old script"
    assert made["scopes"] == ["apikeys:view", "chatflows:update", "usage:view"]
    assert made["permissions"] == made["scopes"]
    assert made["ignored_permissions"] == ["tools:view"]
    deleted = robot("DELETE", f"/apikey/{made['id']}")
    assert (deleted.status_code, deleted.json()) == (200, {"raw": [], "affected": 1})


def test_a_list_without_cursor_and_limit_is_a_bare_array(acme: Team, robot: Caller) -> None:
    found = robot("GET", "/apikey").json()
    assert isinstance(found, list)
    assert {each["keyName"] for each in found} == {"DefaultKey", "automation"}


def test_pages_lead_through_all_keys_once(acme: Team, robot: Caller) -> None:
    for number in range(5):
        keys.create(acme, f"key {number}", TESTER)
    seen: list[str] = []
    path = "/apikey?limit=3"
    while True:
        page = robot("GET", path)
        seen += [each["name"] for each in page.json()["data"]]
        cursor = page.json()["next_cursor"]
        assert (cursor is not None) is ("Link" in page.headers)
        if cursor is None:
            break
        path = f"/apikey?limit=3&cursor={cursor}"
    assert sorted(seen) == sorted(ApiKey.objects.of(acme).values_list("name", flat=True))


def test_a_cursor_of_another_team_or_with_a_flipped_bit_is_refused(
    acme: Team, globex: Team, robot: Caller
) -> None:
    for number in range(3):
        keys.create(acme, f"key {number}", TESTER)
    cursor = robot("GET", "/apikey?limit=1").json()["next_cursor"]
    flipped = cursor[:5] + chr(ord(cursor[5]) ^ 1) + cursor[6:]
    theirs = caller(globex, "apikeys:view")
    for who, text in ((theirs, cursor), (robot, flipped), (robot, "x"), (robot, "x" * 500)):
        answer = who("GET", f"/apikey?cursor={text}")
        assert "cursor" in errors_of(answer)


@pytest.mark.parametrize("limit", ["0", "-1", "201", "x", "9" * 30])
def test_an_odd_limit_is_refused(robot: Caller, limit: str) -> None:
    assert "limit" in errors_of(robot("GET", f"/apikey?limit={limit}"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", str(factories.NOBODYS_ID)),
        ("team", "globex"),
        ("owner", "mallory"),
        ("digest", "0" * 64),
        ("created_at", LATER),
        ("apiKey", "chosen"),
        ("pinned_to", str(factories.NOBODYS_ID)),
        ("name", ""),
        ("name", "x" * 65),
        ("name", ["a"]),
        ("name", "DefaultKey"),
        ("scopes", ["predictions:*"]),
        ("scopes", []),
        ("scopes", ["usage:view", "usage:view"]),
        ("expires_at", "2030-01-31T12:00:00"),
        ("expires_at", "2020-01-31T12:00:00Z"),
        ("expires_at", 1900000000),
        ("expires_at", "2030-02-31T12:00:00Z"),
        ("chatflows", ["x"]),
        ("chatflows", [str(factories.NOBODYS_ID)]),
        ("service_account", str(factories.NOBODYS_ID)),
        ("environment", "moon"),
        ("contact", "no address"),
        ("limits", {"requests_per_minute": 0}),
        ("limits", {"requests_per_minute": 2**63}),
        ("limits", {"requests_per_minute": True}),
        ("limits", {"budget": "1e3.5"}),
        ("limits", {"budget": 0}),
        ("limits", {"minute": 5}),
        ("networks", ["0.0.0.0/0"]),
        ("networks", ["10.0.0.1/8"]),
        ("networks", ["moon"]),
        ("origins", ["https://*.example"]),
        ("kind", "admin"),
    ],
)
def test_what_can_t_be_taken_is_refused_by_its_name(
    robot: Caller, field: str, value: object
) -> None:
    before = factories.state()
    found = errors_of(robot("POST", "/apikey", {"name": "new", field: value}))
    assert all(each.startswith(field) for each in found), found
    assert factories.state() == before


def test_a_chatflow_of_another_team_looks_like_a_random_one(globex: Team, robot: Caller) -> None:
    theirs = factories.chatflow(globex, "Theirs")
    answers = [
        factories.without_id_and_time(
            robot("POST", "/apikey", {"name": "new", "chatflows": [str(each)]})
        )
        for each in (theirs.id, factories.NOBODYS_ID)
    ]
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b'{"name": "a", "name": "b"}', "application/json", 400),
        (b'{"limits": {"streams": 1, "streams": 2}}', "application/json", 400),
        (b'{"name": "a\\u0000b"}', "application/json", 400),
        (b'{"name": "\\ud800"}', "application/json", 400),
        (b"[" * 100, "application/json", 400),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b'{"name": "a"}', "text/plain", 415),
        (b"name=a", "application/x-www-form-urlencoded", 415),
        (b'{"name": "' + b"a" * 70_000 + b'"}', "application/json", 413),
    ],
)
def test_a_body_says_one_thing_in_json(
    robot: Caller, body: bytes, content_type: str, status: int
) -> None:
    answer = robot("POST", "/apikey", body, content_type=content_type)
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_change_does_all_that_it_names_and_leaves_the_rest(
    acme: Team, robot: Caller, faq: Chatflow
) -> None:
    key, _ = factories.key(acme, "old")
    body = {
        "name": "new name",
        "note": "Noted",
        "limits": {"calls_per_day": 10},
        "networks": ["203.0.113.0/24"],
        "scopes": ["predictions:create", "usage:view"],
        "expires_at": LATER,
        "chatflows": [str(faq.id)],
        "rotate_every": 90,
        "disabled": True,
    }
    answer = robot("PATCH", f"/apikey/{key.id}", body)
    assert answer.status_code == 200, answer.content
    changed = answer.json()
    assert changed["name"] == "new name"
    assert changed["limits"]["calls_per_day"] == 10
    assert changed["scopes"] == ["predictions:create", "usage:view"]
    assert changed["chatflows"] == [str(faq.id)]
    assert (changed["disabled"], changed["status"]) == (True, "disabled")
    assert changed["rotate_every"] == 90
    later = robot("PUT", f"/apikey/{key.id}", {"disabled": False, "limits": {"streams": 3}}).json()
    assert later["limits"]["calls_per_day"] == 10
    assert later["limits"]["streams"] == 3
    assert later["status"] == "active"
    assert robot("PUT", f"/apikey/{key.id}", {"chatflows": []}).json()["chatflows"] == []


def test_a_change_that_can_t_be_done_whole_is_not_done_at_all(acme: Team, robot: Caller) -> None:
    key, _ = factories.key(acme, "old")
    before = factories.state()
    answer = robot(
        "PATCH", f"/apikey/{key.id}", {"name": "new", "expires_at": "2020-01-01T00:00:00Z"}
    )
    assert "expires_at" in errors_of(answer)
    assert factories.state() == before


def test_a_key_changes_others_and_not_itself(robot: Caller) -> None:
    assert robot.key is not None
    answer = robot("PATCH", f"/apikey/{robot.key.id}", {"limits": {"streams": 1}})
    assert answer.status_code == 403


def test_the_key_policy_holds_for_programs_too(acme: Team, robot: Caller) -> None:
    KeyPolicy.objects.create(team=acme, longest_life=30, scopes=["predictions:create"])
    far = robot("POST", "/apikey", {"name": "far", "expires_at": LATER})
    assert "key policy" in errors_of(far)["expires_at"]
    wide = robot("POST", "/apikey", {"name": "wide", "scopes": ["usage:view"]})
    assert "key policy" in errors_of(wide)["scopes"]


def test_a_publishable_key_shows_its_text_at_any_time(robot: Caller, faq: Chatflow) -> None:
    body = {
        "name": "widget",
        "kind": "publishable",
        "chatflows": [str(faq.id)],
        "origins": ["https://shop.acme.example"],
        "limits": {"requests_per_minute": 30},
    }
    made = robot("POST", "/apikey", body).json()
    assert made["api_key"].startswith("flk_pk_")
    assert robot("GET", f"/apikey/{made['id']}").json()["api_key"] == made["api_key"]
    for lacking in ("origins", "limits", "chatflows"):
        less = {name: value for name, value in body.items() if name != lacking}
        assert lacking in errors_of(robot("POST", "/apikey", {**less, "name": lacking}))


def test_a_key_of_a_service_account_takes_its_environment(acme: Team, robot: Caller) -> None:
    account = service_accounts.create(acme, About("Sync", "development"), TESTER)
    made = robot("POST", "/apikey", {"name": "of sync", "service_account": str(account.id)}).json()
    assert made["service_account"] == str(account.id)
    assert made["environment"] == "development"


def test_an_end_is_moved_and_never_lifted(acme: Team, robot: Caller) -> None:
    soon = timezone.now() + timedelta(days=3)
    key, _ = keys.add(acme, "ends", TESTER, expires_at=soon)
    assert "expires_at" in errors_of(robot("PATCH", f"/apikey/{key.id}", {"expires_at": None}))
    assert robot("PATCH", f"/apikey/{key.id}", {"expires_at": LATER}).status_code == 200


@pytest.mark.parametrize("query", ["page=1", "page=1&limit=10"])
def test_numbered_pages_of_flowise_are_told_what_to_do(robot: Caller, query: str) -> None:
    answer = robot("GET", f"/apikey?{query}")
    assert answer.status_code == 400
    assert "next_cursor" in answer.json()["detail"]


def test_filters_narrow_the_list_and_the_next_page(acme: Team) -> None:
    robot = caller(acme, "apikeys:view")
    account = service_accounts.create(acme, About("machine", "production"), TESTER)
    for number in range(3):
        keys.add(acme, f"of machine {number}", TESTER, service_account=account)
    off, _ = factories.key(acme, "off")
    keys.disable(off, TESTER)

    def names(query: str) -> list[str]:
        answer = robot("GET", f"/apikey?limit=2&{query}")
        assert answer.status_code == 200, answer.content
        found = [each["name"] for each in answer.json()["data"]]
        if answer.headers.get("Link"):
            assert query in answer.headers["Link"]
            cursor = answer.json()["next_cursor"]
            later = robot("GET", f"/apikey?limit=2&{query}&cursor={cursor}").json()["data"]
            found += [each["name"] for each in later]
        return sorted(found)

    assert names("name=OFF") == names("status=disabled") == ["off"]
    assert names(f"service_account={account.id}") == [f"of machine {n}" for n in range(3)]
    assert names(f"service_account={factories.NOBODYS_ID}") == names("name=of") == []
    assert names("kind=publishable") == names("environment=staging") == []
    for wrong in ("status=lost", "kind=public", "environment=home", "service_account=1"):
        assert robot("GET", f"/apikey?{wrong}").status_code == 422, wrong
