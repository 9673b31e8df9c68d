"""The Access page: what it shows, and how access is saved."""

from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import AuditEvent, Team
from chatflows.calls import store
from chatflows.models import Chatflow, Selection
from tests import factories
from tests.chatflows.views.pages import access, is_clean, page
from tests.conftest import Integration


def test_the_access_page_shows_address_keys_and_the_last_calls(
    as_alice: Client, faq: Chatflow, integration: Integration
) -> None:
    refused = {"allowed": False, "status": 403, "code": "key_not_selected"}
    store.write([factories.call(faq, integration.key, reason="not_selected", **refused)])
    body = as_alice.get(page(faq.id, "chatflow_access")).content.decode()
    assert f"/api/v1/prediction/{faq.id}" in body
    assert "crm-sync" in body
    assert "DefaultKey" in body
    assert "not selected for this chatflow" in body
    assert integration.text.split("_")[3] not in body
    fragment = as_alice.get(page(faq.id, "chatflow_calls"), HTTP_HX_REQUEST="true").content.decode()
    assert "not selected for this chatflow" in fragment
    assert "<html" not in fragment


def test_only_the_last_twenty_calls_are_shown(as_alice: Client, faq: Chatflow) -> None:
    records = [factories.call(faq, client_address=f"192.0.2.{n}") for n in range(30)]
    store.write(records)
    body = as_alice.get(page(faq.id, "chatflow_calls"), HTTP_HX_REQUEST="true").content.decode()
    assert "192.0.2.29" in body
    assert "192.0.2.10" in body
    assert "192.0.2.9<" not in body


def test_access_is_saved_by_the_form(
    as_alice: Client, faq: Chatflow, integration: Integration
) -> None:
    data = access(faq, "keys", integration.key.id, allow_key_in_url="on")
    response = as_alice.post(page(faq.id, "chatflow_access_save"), data)
    assert response["Location"] == page(faq.id, "chatflow_access")
    faq.refresh_from_db()
    assert faq.allow_key_in_url
    assert set(faq.keys.all()) == {integration.key}
    event = AuditEvent.objects.filter(team_id=faq.team_id).latest("sequence")
    assert (event.action, event.actor_name) == ("chatflow.set_access", "alice")


def test_access_is_saved_by_htmx(as_alice: Client, faq: Chatflow, integration: Integration) -> None:
    url, htmx = page(faq.id, "chatflow_access_save"), {"HX-Request": "true"}
    response = as_alice.post(url, access(faq, "public"), headers=htmx)
    assert response.status_code == 200
    assert b"<html" not in response.content
    faq.refresh_from_db()
    assert (faq.access_mode, faq.keys.count()) == ("public", 0)
    # The fragment carries the new version: saving again from it is not stale.
    assert f'value="{faq.version}"'.encode() in response.content
    again = as_alice.post(url, access(faq, "off"), headers=htmx)
    assert again.status_code == 200


def test_a_stale_form_is_refused_and_shows_how_it_is(as_alice: Client, faq: Chatflow) -> None:
    data = access(faq, "public")
    as_alice.post(page(faq.id, "chatflow_access_save"), access(faq, "off"))
    for headers in ({}, {"HX-Request": "true"}):
        response = as_alice.post(page(faq.id, "chatflow_access_save"), data, headers=headers)
        assert response.status_code == 422
        assert "alice changed the access" in response.content.decode()
    faq.refresh_from_db()
    assert faq.access_mode == "off"


@pytest.mark.parametrize(
    "change",
    [
        {"mode": ""},
        {"mode": "KEYS"},
        {"mode": "<script>alert(1)</script>"},
        {"mode": ["public", "nonsense"]},
        {"version": ""},
        {"version": "x"},
        {"version": "9" * 5000},
        {"keys": ["nonsense"]},
        {"keys": [""]},
        {"keys": [str(factories.NOBODYS_ID)]},
    ],
    ids=lambda change: repr(change)[:40],
)
def test_a_wrong_access_form_is_refused_and_changes_nothing(
    as_alice: Client, faq: Chatflow, change: dict[str, object]
) -> None:
    before = Chatflow.objects.values().get(), Selection.objects.count()
    for headers in ({}, {"HX-Request": "true"}):
        data = {**access(faq, "public"), **change}
        response = as_alice.post(page(faq.id, "chatflow_access_save"), data, headers=headers)
        assert response.status_code == 422
        assert is_clean(response.content)
    assert (Chatflow.objects.values().get(), Selection.objects.count()) == before


def test_another_teams_key_is_as_unknown_as_a_random_one(
    as_alice: Client, faq: Chatflow, globex: Team
) -> None:
    foreign, _ = factories.key(globex, "foreign")
    bodies = []
    for key_id in (foreign.id, uuid4()):
        data = access(faq, "keys", key_id)
        response = as_alice.post(page(faq.id, "chatflow_access_save"), data)
        assert response.status_code == 422
        assert b"foreign" not in response.content
        bodies.append(str(key_id) in response.content.decode())
    assert bodies[0] == bodies[1]
    assert not Selection.objects.filter(key=foreign).exists()
