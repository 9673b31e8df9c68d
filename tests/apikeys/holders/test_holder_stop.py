"""A holder stops their own key as a leaked one: asked first, and told as any other report."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEvent, Role
from apikeys.models import KeyVisit, Notice
from apikeys.services import keys, recipients
from tests import factories
from tests.config.openapi.callers import Caller
from tests.conftest import Integration

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The mails, as they were to be queued."""
    mails: list[Any] = []
    monkeypatch.setattr(recipients, "tell", lambda *mail: mails.append(mail))
    return mails


@pytest.fixture
def holder(integration: Integration) -> Client:
    """The holder, in a visit."""
    browser = Client()
    assert browser.post("/key", {"text": integration.text}).status_code == 302
    return browser


def test_a_holder_is_asked_first_and_looking_stops_nothing(
    holder: Client, integration: Integration, told: list[Any]
) -> None:
    assert 'href="/key/stop"' in holder.get("/key").content.decode()
    page = holder.get("/key/stop").content.decode()
    assert f"Stop {integration.key.name}?" in page
    assert "refused from the next call on" in page
    assert Caller(integration.text)("GET", "/apikey/self").status_code == 200
    assert not told


def test_a_stopped_key_is_refused_and_its_people_are_told_once(
    holder: Client, integration: Integration, told: list[Any]
) -> None:
    other = Client()
    other.post("/key", {"text": integration.text})
    stopped = holder.post("/key/stop", REMOTE_ADDR="198.51.100.7")
    assert stopped.status_code == 200
    assert f"{integration.key.name} is stopped" in stopped.content.decode()
    assert integration.text not in stopped.content.decode()
    assert stopped.cookies["flowlatch-key"].value == ""
    assert Caller(integration.text)("GET", "/apikey/self").status_code == 401
    event = AuditEvent.objects.get(action="api_key.leak_report")
    assert event.after is not None
    assert event.after["network"] == "198.51.100.0/24"
    assert "holder" in event.after["source"]
    ((kind, _, values, _),) = told
    assert (kind, values["key_name"]) == ("key_leaked", integration.key.name)
    # Every visit of the key is over, so a second one finds no page.
    assert other.post("/key/stop")["Location"] == "/key"
    assert len(told) == 1
    assert KeyVisit.objects.count() == 1  # the other's, which opens nothing and goes by itself


def test_without_a_visit_nothing_stops(integration: Integration, told: list[Any]) -> None:
    for ask in (Client().get, Client().post):
        assert ask("/key/stop")["Location"] == "/key"
    assert Caller(integration.text)("GET", "/apikey/self").status_code == 200
    assert not told


def test_a_field_that_can_not_be_read_is_refused_and_nothing_stops(
    holder: Client, integration: Integration, told: list[Any]
) -> None:
    refused = holder.post("/key/stop", {"more": "nul\0"})
    assert refused.status_code in (400, 422)
    assert Caller(integration.text)("GET", "/apikey/self").status_code == 200
    assert not told


def test_the_keys_page_and_its_enabling_say_so_until_the_text_has_ended(
    holder: Client, integration: Integration
) -> None:
    alice = factories.user("alice")
    factories.join(integration.key.team, alice, Role.OWNER)
    as_alice = factories.client(alice, is_fresh=True)
    page = f"/t/{integration.key.team.slug}/keys/{integration.key.id}/"
    said = "was reported as leaked"
    assert said not in as_alice.get(page).content.decode()
    holder.post("/key/stop")
    assert Notice.objects.get(kind="key_leaked").subject == integration.key.id
    assert "so the key is disabled" in as_alice.get(page).content.decode()
    assert said in as_alice.get(f"{page}enable/").content.decode()
    as_alice.post(f"{page}enable/")
    assert "whoever found that text can use it" in as_alice.get(page).content.decode()
    keys.issue(integration.key, factories.TESTER, replace=True)
    assert said not in as_alice.get(page).content.decode()
