"""Operations on several keys, and what a key learns of itself."""

import pytest

from accounts.models import Team
from apikeys.models import ApiKey, KeyPolicy
from apikeys.services import keys
from chatflows.models import Chatflow
from tests import factories
from tests.config.openapi.callers import Caller, caller
from tests.factories import TESTER

pytestmark = [pytest.mark.django_db, pytest.mark.fast]


@pytest.fixture
def three(acme: Team) -> list[ApiKey]:
    """Three keys of acme."""
    return [factories.key(acme, f"key {number}")[0] for number in range(3)]


def bulk(who: Caller, action: str, found: list[ApiKey]) -> dict[str, object]:
    answer = who("POST", "/apikey/bulk", {"action": action, "ids": [str(key.id) for key in found]})
    assert answer.status_code == 200, answer.content
    told: dict[str, object] = answer.json()
    return told


def test_several_keys_are_changed_at_once(acme: Team, three: list[ApiKey]) -> None:
    robot = caller(acme, "apikeys:update", "apikeys:delete", "predictions:create")
    assert bulk(robot, "disable", three[:2]) == {"action": "disable", "keys": 2, "changed": 2}
    assert bulk(robot, "disable", three) == {"action": "disable", "keys": 3, "changed": 1}
    assert bulk(robot, "enable", three)["changed"] == 3
    assert bulk(robot, "revoke", three)["changed"] == 3
    assert bulk(robot, "delete", three)["changed"] == 3
    assert not ApiKey.objects.of(acme).kept().filter(name__startswith="key").exists()


def test_one_key_that_is_not_the_teams_stops_all(
    acme: Team, globex: Team, three: list[ApiKey]
) -> None:
    robot = caller(acme, "apikeys:update")
    theirs = ApiKey.objects.of(globex).get()
    answers = []
    for stranger in (theirs.id, factories.NOBODYS_ID):
        ids = [str(three[0].id), str(stranger)]
        answer = robot("POST", "/apikey/bulk", {"action": "disable", "ids": ids})
        assert [each["field"] for each in answer.json()["errors"]] == ["ids.1"]
        answers.append(factories.without_id_and_time(answer))
    assert answers[0] == answers[1]
    assert ApiKey.objects.get(pk=three[0].pk).disabled_at is None


def test_one_stronger_key_keeps_all_disabled(acme: Team, three: list[ApiKey]) -> None:
    strong, _ = keys.add(acme, "strong", TESTER, scopes=["audit:view"])
    robot = caller(acme, "apikeys:update", "predictions:create")
    bulk(robot, "disable", [*three, strong])
    ids = [str(key.id) for key in (*three, strong)]
    assert robot("POST", "/apikey/bulk", {"action": "enable", "ids": ids}).status_code == 403
    assert ApiKey.objects.of(acme).filter(disabled_at=None, name__startswith="key").count() == 0


def test_each_action_asks_for_its_own_scope(acme: Team, three: list[ApiKey]) -> None:
    ids = [str(key.id) for key in three]
    updates, deletes = caller(acme, "apikeys:update"), caller(acme, "apikeys:delete", name="d")
    for who, action, scope in (
        (updates, "delete", "apikeys:delete"),
        (deletes, "disable", "apikeys:update"),
    ):
        answer = who("POST", "/apikey/bulk", {"action": action, "ids": ids})
        assert answer.status_code == 403
        assert f'scope="{scope}"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("ids", [[], ["x"], [str(factories.NOBODYS_ID)] * 201])
def test_a_list_of_ids_is_bounded(acme: Team, ids: list[str]) -> None:
    answer = caller(acme, "apikeys:update")(
        "POST", "/apikey/bulk", {"action": "enable", "ids": ids}
    )
    assert answer.status_code == 422


def test_a_key_learns_what_it_is_opens_and_took(acme: Team, faq: Chatflow) -> None:
    _, text = factories.key(acme, "own", faq)
    answer = Caller(text)("GET", "/apikey/self")
    told = answer.json()
    assert (told["name"], told["team"], told["status"]) == ("own", "acme", "active")
    assert told["scopes"] == ["predictions:create"]
    assert told["chatflows"] == [{"id": str(faq.id), "name": faq.name, "mode": "keys"}]
    assert told["used"]["calls_per_day"] == 0
    assert "api_key" not in told
    assert text not in answer.content.decode()


def test_the_key_policy_is_read_and_set_by_people_alone(acme: Team) -> None:
    robot = caller(acme, "apikeys:view")
    free = robot("GET", "/apikey/policy").json()
    assert (free["scopes"], free["may_last_forever"]) == (None, True)
    KeyPolicy.objects.create(team=acme, longest_life=30, scopes=["usage:view"])
    told = robot("GET", "/apikey/policy").json()
    assert told["longest_life"] == 30
    assert told["scopes"] == ["predictions:create", "usage:view"]
    assert robot("PUT", "/apikey/policy", {}).status_code == 405
