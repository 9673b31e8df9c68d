"""Creations that are sent again, and changes of what was changed meanwhile."""

import threading
from typing import Any

import pytest
from django.db import connections

from accounts.models import Team
from apikeys.models import ApiKey
from tests import factories
from tests.apikeys.api.test_keys import errors_of
from tests.config.openapi.callers import Caller, caller

pytestmark = [pytest.mark.django_db, pytest.mark.fast]


@pytest.fixture
def robot(acme: Team) -> Caller:
    """A key of acme that manages keys, and asks chatflows."""
    scopes = ("apikeys:create", "apikeys:update", "apikeys:delete")
    return caller(acme, *scopes, "predictions:create")


def test_nobody_overwrites_what_they_have_not_seen(acme: Team, robot: Caller) -> None:
    key, _ = factories.key(acme, "old")
    tag = robot("GET", f"/apikey/{key.id}").headers["ETag"]
    first = robot("PATCH", f"/apikey/{key.id}", {"note": "first"}, **{"If-Match": tag})
    assert first.status_code == 200
    assert first.headers["ETag"] != tag
    second = robot("PATCH", f"/apikey/{key.id}", {"note": "second"}, **{"If-Match": tag})
    assert (second.status_code, second.json()["code"]) == (412, "precondition_failed")
    weak = robot("DELETE", f"/apikey/{key.id}", **{"If-Match": f"W/{first.headers['ETag']}"})
    assert weak.status_code == 412
    assert robot("DELETE", f"/apikey/{key.id}", **{"If-Match": "*"}).status_code == 200


def test_a_repeated_creation_makes_one_key_and_shows_no_text_again(robot: Caller) -> None:
    head = {"Idempotency-Key": "order-1"}
    first = robot("POST", "/apikey", {"name": "once"}, **head)
    second = robot("POST", "/apikey", {"name": "once"}, **head)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.headers["Location"] == first.headers["Location"]
    assert second.json()["id"] == first.json()["id"]
    assert "api_key" not in second.json()
    assert ApiKey.objects.filter(name="once").count() == 1
    assert first.json()["api_key"] not in factories.dump()
    other = robot("POST", "/apikey", {"name": "another"}, **head)
    assert "Idempotency-Key" in errors_of(other)


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 65])
def test_an_idempotency_key_is_visible_ascii(robot: Caller, key: str) -> None:
    answer = robot("POST", "/apikey", {"name": "once"}, **{"Idempotency-Key": key})
    assert "Idempotency-Key" in errors_of(answer)


def test_a_refused_creation_can_be_sent_again_with_its_idempotency_key(robot: Caller) -> None:
    head = {"Idempotency-Key": "order-2"}
    assert robot("POST", "/apikey", {"name": ""}, **head).status_code == 422
    assert robot("POST", "/apikey", {"name": "good"}, **head).status_code == 201


def test_several_keys_are_changed_once(acme: Team, robot: Caller) -> None:
    key, _ = factories.key(acme, "one of several")
    body, head = {"action": "delete", "ids": [str(key.id)]}, {"Idempotency-Key": "clean-up"}
    answers = [robot("POST", "/apikey/bulk", body, **head) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    other = robot("POST", "/apikey/bulk", {**body, "action": "disable"}, **head)
    assert "Idempotency-Key" in errors_of(other)


@pytest.mark.django_db(transaction=True)
def test_of_two_rotations_at_once_with_one_idempotency_key_one_makes_a_text(acme: Team) -> None:
    robot = caller(acme, "apikeys:update", "predictions:create")
    key, _ = factories.key(acme, "raced")
    answers: list[Any] = []

    def rotate() -> None:
        try:
            again = Caller(robot.text)
            head = {"Idempotency-Key": "nightly"}
            answers.append(again("POST", f"/apikey/{key.id}/rotate", {}, **head))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=rotate) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200, 200]
    assert sorted("api_key" in answer.json() for answer in answers) == [False, True]
    assert key.secrets.count() == 2
