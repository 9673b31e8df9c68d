"""Changes of chatflows that meet: nobody overwrites what they have not seen."""

from typing import Any

import pytest

from accounts.models import Team
from apikeys.models import ApiKey
from chatflows.api import chatflows as api
from chatflows.models import Chatflow
from chatflows.services import chatflows
from tests import factories
from tests.config.openapi.callers import Caller, caller
from tests.factories import TESTER

pytestmark = [pytest.mark.django_db, pytest.mark.fast]


@pytest.fixture
def robot(acme: Team) -> Caller:
    """A key of acme that manages chatflows."""
    return caller(acme, *(f"chatflows:{verb}" for verb in ("view", "update", "delete")))


@pytest.fixture
def theirs(faq: Chatflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody renames the chatflow between the look and the lock of a request."""
    real = api._hold

    def rename_before(*arguments: Any) -> None:
        chatflows.rename(Chatflow.objects.get(pk=faq.pk), "Theirs", TESTER)
        real(*arguments)

    monkeypatch.setattr(api, "_hold", rename_before)


def test_a_version_never_goes_back(faq: Chatflow) -> None:
    stale = Chatflow.objects.get(pk=faq.pk)
    for _ in range(3):
        fresh = Chatflow.objects.get(pk=faq.pk)
        access = chatflows.Access("keys", frozenset())
        chatflows.save_access(fresh, access, TESTER, version=fresh.version)
    highest = Chatflow.objects.get(pk=faq.pk).version
    chatflows.rename(stale, "Other", TESTER)
    assert Chatflow.objects.get(pk=faq.pk).version == highest + 1


@pytest.mark.parametrize("has_tag", [True, False])
@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
@pytest.mark.usefixtures("theirs")
def test_a_change_in_between_is_not_overwritten(
    faq: Chatflow, robot: Caller, method: str, has_tag: bool
) -> None:
    tag = robot("GET", f"/chatflows/{faq.id}").headers["ETag"]
    head = {"If-Match": tag} if has_tag else {}
    body = None if method == "DELETE" else {"name": "Mine"}
    answer = robot(method, f"/chatflows/{faq.id}", body, **head)
    assert answer.status_code == (412 if has_tag else 409)
    assert Chatflow.objects.filter(pk=faq.pk).exists()
    assert not Chatflow.objects.filter(name="Mine").exists()


@pytest.mark.usefixtures("theirs")
def test_a_key_is_not_selected_over_a_change_in_between(
    faq: Chatflow, default_key: ApiKey, robot: Caller
) -> None:
    answer = robot("PUT", f"/chatflows/{faq.id}", {"apikeyid": str(default_key.id)})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_flowises_own_fields_are_named_and_not_ignored(robot: Caller, faq: Chatflow) -> None:
    before = factories.state()
    sent = {"name": "N", "flowData": "{}", "deployed": True, "isPublic": False}
    answer = robot("PUT", f"/chatflows/{faq.id}", sent)
    named = {each["field"] for each in answer.json()["errors"]}
    assert (answer.status_code, named) == (422, {"flowData", "deployed", "isPublic"})
    assert before.count("chatflow") == factories.state().count("chatflow")
