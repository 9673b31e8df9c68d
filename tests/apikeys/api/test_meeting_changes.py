"""Changes of one key that meet: nobody overwrites what they have not seen."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Team
from apikeys.models import ApiKey, KeySecret
from apikeys.services import details
from apikeys.services.life import policies
from tests import factories
from tests.config.openapi.callers import Caller, caller
from tests.factories import TESTER

pytestmark = [pytest.mark.django_db, pytest.mark.fast]


@pytest.fixture
def robot(acme: Team) -> Caller:
    """A key of acme that manages keys."""
    return caller(acme, "apikeys:update", "apikeys:delete", "predictions:create")


@pytest.fixture
def key(acme: Team) -> ApiKey:
    return factories.key(acme, "Ours")[0]


@pytest.fixture
def theirs(key: ApiKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody notes something between the look and the lock of a request."""
    real = policies.lock

    def note_before(team: Team) -> None:
        monkeypatch.setattr(policies, "lock", real)
        about = details.Details("Ours", note="Theirs")
        details.change(key, about, TESTER, version=key.version)
        real(team)

    monkeypatch.setattr(policies, "lock", note_before)


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("PATCH ", {"note": "Mine"}),
        ("PUT ", {"disabled": True}),
        ("DELETE ", None),
        ("POST /rotate", {}),
        ("POST /revoke", {}),
    ],
)
def test_a_change_in_between_is_seen(
    key: ApiKey, robot: Caller, call: str, body: Any, request: pytest.FixtureRequest
) -> None:
    method, path = call.split(" ")
    tag = robot("GET", f"/apikey/{key.id}").headers["ETag"]
    request.getfixturevalue("theirs")
    answer = robot(method, f"/apikey/{key.id}{path}", body, **{"If-Match": tag})
    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    found = ApiKey.objects.kept().get(pk=key.pk)
    assert (found.disabled_at, found.live_secrets) == (None, [key.secret])


@pytest.mark.usefixtures("theirs")
def test_without_a_tag_the_last_change_is_done_on_the_newest_state(
    key: ApiKey, robot: Caller
) -> None:
    answer = robot("PATCH", f"/apikey/{key.id}", {"environment": "staging"})
    assert (answer.status_code, answer.json()["note"]) == (200, "Theirs")


def test_each_text_and_each_end_of_one_has_a_tag_of_its_own(key: ApiKey, robot: Caller) -> None:
    tags = [robot("GET", f"/apikey/{key.id}").headers["ETag"]]
    secret = KeySecret.objects.get(key=key)
    twin = secret.public_id[:2] + secret.public_id[:1:-1]
    for change in ({"public_id": twin}, {"ends_at": timezone.now() + timedelta(days=1)}):
        KeySecret.objects.filter(key=key).update(**change)
        tags.append(robot("GET", f"/apikey/{key.id}").headers["ETag"])
    assert len({*tags}) == 3
