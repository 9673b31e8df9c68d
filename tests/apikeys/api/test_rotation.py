"""Operations on the texts of a key: rotate, revoke."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Team
from apikeys.models import ApiKey
from apikeys.services import keys
from tests import factories
from tests.config.openapi.callers import Caller, caller
from tests.factories import TESTER

pytestmark = [pytest.mark.django_db, pytest.mark.fast]


@pytest.fixture
def robot(acme: Team) -> Caller:
    """A key of acme that rotates keys which ask chatflows."""
    made = caller(acme, "apikeys:update", "predictions:create")
    made("GET", "/apikey")
    return made


@pytest.fixture
def key(acme: Team) -> ApiKey:
    """A key with a text."""
    return factories.key(acme, "rotated")[0]


def works(text: str) -> bool:
    """Whether a key's text is let in."""
    return bool(Caller(text)("GET", "/apikey/self").status_code == 200)


def test_both_texts_work_until_the_overlap_is_over(acme: Team, robot: Caller) -> None:
    key, old = factories.key(acme, "rotated")
    answer = robot("POST", f"/apikey/{key.id}/rotate", {"overlap": "1h", "retire": "when_silent"})
    assert answer.status_code == 200, answer.content
    new = answer.json()["api_key"]
    assert works(old)
    assert works(new)
    first, second = answer.json()["secrets"]
    assert first["ends_at"] is None
    assert second["ends_when_silent"] is True
    again = robot("POST", f"/apikey/{key.id}/rotate", {})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    gone = robot("POST", f"/apikey/{key.id}/revoke", {"public_id": second["public_id"]})
    assert [each["public_id"] for each in gone.json()["secrets"]] == [first["public_id"]]
    assert not works(old)
    assert works(new)


def test_no_overlap_ends_the_old_text_at_once(acme: Team, robot: Caller) -> None:
    key, old = factories.key(acme, "rotated")
    new = robot("POST", f"/apikey/{key.id}/rotate", {"overlap": "0"}).json()["api_key"]
    assert (works(old), works(new)) == (False, True)


def test_a_key_without_a_text_gets_its_first(default_key: ApiKey, robot: Caller) -> None:
    answer = robot("POST", f"/apikey/{default_key.id}/rotate")
    assert answer.status_code == 200, answer.content
    assert works(answer.json()["api_key"])


def test_a_repeat_makes_no_third_text_and_shows_nothing(key: ApiKey, robot: Caller) -> None:
    head = {"Idempotency-Key": "nightly"}
    first = robot("POST", f"/apikey/{key.id}/rotate", {}, **head)
    second = robot("POST", f"/apikey/{key.id}/rotate", {}, **head)
    assert (first.status_code, second.status_code) == (200, 200)
    assert "api_key" not in second.json()
    assert key.secrets.count() == 2


def test_a_key_rotates_itself_and_does_not_move_its_own_end(acme: Team) -> None:
    soon = timezone.now() + timedelta(days=3)
    scopes = ("apikeys:view", "apikeys:update")
    key, text = keys.add(acme, "itself", TESTER, scopes=scopes, expires_at=soon)
    itself = Caller(text)
    later = {"expires_at": "2030-01-31T12:00:00Z"}
    assert itself("POST", f"/apikey/{key.id}/rotate", later).status_code == 403
    assert itself("POST", f"/apikey/{key.id}/rotate", {}).status_code == 200


def test_revoking_ends_every_text_for_good_and_the_key_stays(acme: Team, robot: Caller) -> None:
    key, text = factories.key(acme, "revoked")
    answer = robot("POST", f"/apikey/{key.id}/revoke")
    assert (answer.status_code, answer.json()["status"]) == (200, "unissued")
    assert not works(text)
    assert robot("PATCH", f"/apikey/{key.id}", {"disabled": False}).json()["status"] == "unissued"


def test_a_key_makes_no_text_of_a_stronger_one(acme: Team, robot: Caller) -> None:
    strong, _ = keys.add(acme, "strong", TESTER, scopes=["audit:view"])
    before = factories.state()
    assert robot("POST", f"/apikey/{strong.id}/rotate", {}).status_code == 403
    keys.disable(strong, TESTER)
    assert robot("PATCH", f"/apikey/{strong.id}", {"disabled": False}).status_code == 403
    keys_after = ApiKey.objects.get(pk=strong.pk)
    assert keys_after.disabled_at is not None
    assert before.count("flk") == factories.state().count("flk")


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        ("rotate", {"overlap": "2h"}, "overlap"),
        ("rotate", {"overlap": 1}, "overlap"),
        ("rotate", {"retire": "never"}, "retire"),
        ("rotate", {"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ("rotate", {"api_key": "chosen"}, "api_key"),
        ("revoke", {"public_id": "000000000000"}, "public_id"),
        ("revoke", {"public_id": 5}, "public_id"),
    ],
)
def test_what_can_t_be_taken_is_refused_by_its_name(
    key: ApiKey, robot: Caller, action: str, body: dict[str, object], field: str
) -> None:
    before = factories.state()
    answer = robot("POST", f"/apikey/{key.id}/{action}", body)
    assert answer.status_code == 422, answer.content
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert factories.state() == before
