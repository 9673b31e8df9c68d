"""Operations on chatflows and on who may call them."""

from typing import Any

import pytest

from accounts.models import Team
from chatflows.models import Chatflow, ChatflowType
from tests import factories
from tests.config.openapi.callers import Caller, caller

pytestmark = [pytest.mark.django_db, pytest.mark.fast]

ALL = tuple(f"chatflows:{verb}" for verb in ("view", "create", "update", "delete"))
AGENTS = tuple(f"agentflows:{verb}" for verb in ("view", "create", "update", "delete"))


@pytest.fixture
def robot(acme: Team) -> Caller:
    """A key of acme that manages chatflows without agents."""
    made = caller(acme, *ALL)
    made("GET", "/chatflows")
    return made


def errors_of(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.content
    return {each["field"]: each["message"] for each in answer.json()["errors"]}


def test_a_chatflow_is_made_changed_and_deleted(acme: Team, robot: Caller) -> None:
    made = robot("POST", "/chatflows", {"name": "Returns"})
    assert made.status_code == 201, made.content
    one = made.json()
    assert (one["mode"], one["isPublic"], one["type"]) == ("keys", False, "CHATFLOW")
    path = f"/chatflows/{one['id']}"
    changed = robot("PUT", path, {"name": "Returns helper"}, **{"If-Match": made.headers["ETag"]})
    assert (changed.status_code, changed.json()["name"]) == (200, "Returns helper")
    late = robot("PATCH", path, {"name": "Late"}, **{"If-Match": made.headers["ETag"]})
    assert late.status_code == 412
    assert robot("DELETE", path).json() == {"raw": [], "affected": 1}
    assert robot("GET", path).status_code == 404


def test_the_key_of_an_engines_server_is_in_no_answer(acme: Team, robot: Caller) -> None:
    body = {
        "name": "Model",
        "engine": "openai",
        "settings": {"base_url": "http://127.0.0.1:9/v1", "model": "small"},
        "secret": "sk-abcdefgh12345678",
    }
    made = robot("POST", "/chatflows", body)
    assert made.status_code == 201, made.content
    assert made.json()["has_secret"] is True
    assert "sk-abcdefgh" not in made.content.decode() + factories.dump()
    path = f"/chatflows/{made.json()['id']}"
    kept = robot("PATCH", path, {"settings": {"model": "large"}}).json()
    assert kept["settings"]["base_url"] == "http://127.0.0.1:9/v1"
    assert (kept["settings"]["model"], kept["has_secret"]) == ("large", True)
    moved = robot("PATCH", path, {"settings": {"base_url": "http://127.0.0.1:8/v1"}}).json()
    assert moved["has_secret"] is False


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "taken"}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a", "engine": "moon"}, "engine"),
        ({"name": "a", "engine": "openai", "settings": {"model": ""}}, "settings.model"),
        (
            {"name": "a", "engine": "openai", "settings": {"base_url": "http://10.0.0.1"}},
            "settings",
        ),
        ({"name": "a", "type": "MOON"}, "type"),
        ({"name": "a", "flowData": "{}"}, "flowData"),
        ({"name": "a", "id": str(factories.NOBODYS_ID)}, "id"),
        ({"name": "a", "team": "globex"}, "team"),
    ],
)
def test_what_can_t_be_taken_is_refused_by_its_name(
    robot: Caller, faq: Chatflow, body: dict[str, object], field: str
) -> None:
    factories.chatflow(faq.team, "Taken")
    before = factories.state()
    found = errors_of(robot("POST", "/chatflows", body))
    assert any(each.startswith(field) for each in found), found
    assert factories.state() == before


def test_flows_with_agents_ask_for_scopes_of_their_own(acme: Team, robot: Caller) -> None:
    agents = caller(acme, *AGENTS, name="agents")
    refused = robot("POST", "/chatflows", {"name": "Agent", "type": "AGENTFLOW"})
    assert refused.status_code == 403
    assert 'scope="agentflows:create"' in refused.headers["WWW-Authenticate"]
    made = agents("POST", "/chatflows", {"name": "Agent", "type": "AGENTFLOW"}).json()
    assert [each["id"] for each in agents("GET", "/chatflows").json()] == [made["id"]]
    assert made["id"] not in [each["id"] for each in robot("GET", "/chatflows").json()]
    for path, method in (
        (f"/chatflows/{made['id']}", "GET"),
        (f"/chatflows/{made['id']}/access", "PUT"),
    ):
        assert robot(method, path, {}).status_code == 403


def test_pages_lead_through_all_chatflows_once(acme: Team, robot: Caller) -> None:
    for number in range(5):
        factories.chatflow(acme, f"Flow {number}")
    seen: list[str] = []
    path = "/chatflows?limit=2"
    while path:
        page = robot("GET", path).json()
        seen += [each["name"] for each in page["data"]]
        cursor = page["next_cursor"]
        path = f"/chatflows?limit=2&cursor={cursor}" if cursor else ""
    assert seen == sorted(seen)
    assert len(seen) == len({*seen}) == Chatflow.objects.of(acme).count()
    assert robot("GET", "/chatflows?type=ASSISTANT").json() == []
    assert robot("GET", "/chatflows?type=MOON").status_code == 422


def test_an_access_changes_what_the_body_names_and_nothing_else(
    acme: Team, robot: Caller, faq: Chatflow
) -> None:
    first, second = factories.key(acme, "first")[0], factories.key(acme, "second")[0]
    path = f"/chatflows/{faq.id}/access"
    by_public_id = second.live_secrets[0].public_id
    answer = robot("PUT", path, {"keys": [str(first.id), by_public_id]})
    assert answer.status_code == 200, answer.content
    assert {*answer.json()["keys"]} == {str(first.id), str(second.id)}
    body = {
        "limits": {"calls_per_day": 5, "budget": 10},
        "price": "1.80",
        "networks": ["10.0.0.0/8"],
    }
    later = robot("PATCH", path, body).json()
    assert {*later["keys"]} == {str(first.id), str(second.id)}
    assert (later["mode"], later["limits"]["calls_per_day"], later["price"]) == ("keys", 5, "1.80")
    lifted = robot("PATCH", path, {"limits": {"calls_per_day": None}}).json()
    assert lifted["limits"]["calls_per_day"] is None
    assert lifted["limits"]["budget"] == "10.00"
    public = robot("PUT", path, {"mode": "public"}).json()
    assert (public["mode"], len(public["keys"])) == ("public", 2)
    assert robot("PUT", path, {"keys": []}).json()["keys"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"mode": "open"}, "mode"),
        ({"mode": None}, "mode"),
        ({"keys": ["x"]}, "keys.0"),
        ({"keys": [str(factories.NOBODYS_ID)]}, "keys.0"),
        ({"limits": {"budget": 5}}, "price"),
        ({"price": -1}, "price"),
        ({"networks": ["moon"]}, "networks"),
        ({"origins": ["moon"]}, "origins"),
        ({"limits": {"streams": 0}}, "limits.streams"),
        ({"allow_key_in_url": "yes"}, "allow_key_in_url"),
        ({"team": "globex"}, "team"),
    ],
)
def test_an_access_that_can_t_be_taken_is_refused_by_its_name(
    robot: Caller, faq: Chatflow, body: dict[str, object], field: str
) -> None:
    answer = robot("PUT", f"/chatflows/{faq.id}/access", body)
    assert field in errors_of(answer)


def test_a_key_of_another_team_looks_like_a_random_one(
    globex: Team, robot: Caller, faq: Chatflow
) -> None:
    theirs, _ = factories.key(globex, "theirs")
    public_id = theirs.live_secrets[0].public_id
    for foreign, random in ((str(theirs.id), str(factories.NOBODYS_ID)), (public_id, "0" * 12)):
        answers = [
            factories.without_id_and_time(
                robot("PUT", f"/chatflows/{faq.id}/access", {"keys": [named]})
            )
            for named in (foreign, random)
        ]
        assert answers[0] == answers[1]


def test_flowises_apikeyid_selects_exactly_that_key(
    acme: Team, robot: Caller, faq: Chatflow
) -> None:
    key, _ = factories.key(acme, "only")
    chatflow = factories.chatflow(acme, "Open", mode="public")
    assert robot("PUT", f"/chatflows/{chatflow.id}", {"apikeyid": str(key.id)}).status_code == 200
    access = robot("GET", f"/chatflows/{chatflow.id}/access").json()
    assert (access["mode"], access["keys"]) == ("keys", [str(key.id)])
    for absent in ("", None):
        answer = robot("PUT", f"/chatflows/{chatflow.id}", {"apikeyid": absent})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert robot("GET", f"/chatflows/{chatflow.id}/access").json()["mode"] == "keys"


def test_a_key_learns_what_it_opens(acme: Team, faq: Chatflow) -> None:
    _, text = factories.key(acme, "own", faq)
    answer = Caller(text)("GET", "/chatflows/apikey")
    assert [(each["id"], each["mode"]) for each in answer.json()] == [(str(faq.id), "keys")]


def test_a_key_in_the_path_is_told_what_to_do_and_is_not_looked_up(
    acme: Team, faq: Chatflow, django_assert_num_queries: Any
) -> None:
    _, text = factories.key(acme, "own", faq)
    for path in (f"/chatflows/apikey/{text}", "/chatflows/apikey/anything/else"):
        with django_assert_num_queries(0):
            answer = Caller("").client.get(f"/api/v1{path}?keyonly=1")
        assert answer.status_code == 400
        assert "Authorization: Bearer" in answer.json()["detail"]
        assert text not in answer.content.decode()


def test_the_type_of_a_chatflow_is_one_of_four(acme: Team) -> None:
    both = caller(acme, *ALL, *AGENTS)
    made = {
        each: both("POST", "/chatflows", {"name": f"A {each}", "type": each.value}).status_code
        for each in ChatflowType
    }
    assert {*made.values()} == {201}
