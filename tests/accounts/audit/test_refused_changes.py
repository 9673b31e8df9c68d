"""Refused changes: who tried what they may not is noted, and nobody floods the trail with it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from accounts import audit
from accounts.crypto import digests
from accounts.models import AuditEvent, Team, User
from accounts.outages import Unavailable
from accounts.services import refused_changes
from chatflows.models import Chatflow
from tests import factories
from tests.accounts.audit.trails import file
from tests.forms import send

pytestmark = pytest.mark.django_db

RENAME = "/t/acme/settings/"


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    refused_changes._counts.clear()
    yield
    refused_changes._counts.clear()


def noted(chain_id: UUID) -> list[tuple[str, str, Any]]:
    """Who tried which page, and the facts, in their order."""
    rows = AuditEvent.objects.filter(team_id=chain_id, action="change.refuse").order_by("sequence")
    return [(row.actor_name, row.target_id, row.after) for row in rows]


def test_a_wrong_role_is_noted_with_the_request(as_vera: Client, acme: Team) -> None:
    response = as_vera.post(RENAME, {"name": "Mine"})
    assert response.status_code == 403
    assert noted(acme.id) == [("vera", "team_settings", {"status": 403, "times": 1})]
    (row,) = AuditEvent.objects.filter(action="change.refuse")
    assert (row.request_id, row.address) == (response["X-Request-Id"], "127.0.0.1")
    assert audit.verify(acme.id) is None


def test_a_foreign_id_is_noted_in_the_trail_of_the_own_team(
    as_mallory: Client, globex: Team, faq: Chatflow, acme: Team
) -> None:
    assert as_mallory.post(f"/t/globex/chatflows/{faq.id}/delete/").status_code == 404
    assert noted(globex.id) == [("mallory", "chatflow_delete", {"status": 404, "times": 1})]
    assert noted(acme.id) == noted(audit.INSTALLATION) == []


def test_a_strangers_try_is_noted_for_the_operators(as_mallory: Client, acme: Team) -> None:
    assert as_mallory.post(RENAME, {"name": "Mine"}).status_code == 404
    assert as_mallory.post("/operator/teams/new/", {"name": "Mine"}).status_code == 404
    assert noted(acme.id) == []
    assert noted(audit.INSTALLATION) == [
        ("mallory", "team_settings", {"status": 404, "times": 1, "team": "acme"}),
        ("mallory", "operator_team_new", {"status": 404, "times": 1}),
    ]


def test_a_form_from_another_site_is_noted(as_alice: Client, acme: Team) -> None:
    as_alice.post(RENAME, {"name": "Mine"}, headers={"sec-fetch-site": "cross-site"})
    told = {"status": 403, "times": 1, "team": "acme"}
    assert noted(audit.INSTALLATION) == [("alice", "team_settings", told)]


@pytest.mark.parametrize("page", ["/reauthenticate/", "/profile/password/"])
def test_a_wrong_password_of_who_is_logged_in_is_noted(
    as_alice: Client, acme: Team, page: str
) -> None:
    new = "three calm harbours"
    form = {"password": "not my word", "current": "not my word"}
    if "profile" in page:
        form["password"] = new
    statuses = [send(as_alice, page, form).status_code for _ in range(11)]
    assert statuses == [422] * 10 + [429]
    assert [
        (status, after["times"]) for _, _, after in noted(acme.id) for status in [after["status"]]
    ] == [
        (422, 1),
        (422, 10),
    ]
    dump = factories.dump()
    assert "not my word" not in dump
    assert new not in dump


def test_a_flood_of_tries_makes_a_few_rows(as_vera: Client, acme: Team) -> None:
    for _ in range(105):
        as_vera.post(RENAME, {"name": "Mine"})
    assert [after["times"] for _, _, after in noted(acme.id)] == [1, 10, 100]


def test_another_hour_counts_anew(
    as_vera: Client, acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_vera.post(RENAME)
    monkeypatch.setattr(refused_changes, "HOUR", 7)
    as_vera.post(RENAME)
    assert [after["times"] for _, _, after in noted(acme.id)] == [1, 1]


def test_each_person_and_each_page_counts_by_itself(
    as_vera: Client, as_eddie: Client, acme: Team
) -> None:
    as_vera.post(RENAME)
    as_eddie.post(RENAME)
    as_vera.post("/t/acme/keys/new/", {"name": "x"})
    assert [row[:2] for row in noted(acme.id)] == [
        ("vera", "team_settings"),
        ("eddie", "team_settings"),
        ("vera", "key_new"),
    ]


def test_what_is_counted_is_bounded(
    as_vera: Client, as_eddie: Client, acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused_changes, "MAX_COUNTS", 1)
    for browser in (as_vera, as_eddie):
        browser.post(RENAME)
    assert len(refused_changes._counts) == 1


def test_a_long_slug_is_cut(as_mallory: Client) -> None:
    as_mallory.post(f"/t/{'x' * 3000}/settings/")
    ((_, _, after),) = noted(audit.INSTALLATION)
    assert after["team"] == "x" * 50


def test_looking_and_strangers_without_a_login_leave_no_note(
    as_vera: Client, client: Client, acme: Team
) -> None:
    assert as_vera.get(RENAME).status_code == 403
    assert as_vera.get("/t/nobody/settings/").status_code == 404
    assert client.post(RENAME).status_code == 302
    assert client.post("/flow/nobody/login/").status_code == 404
    assert client.post("/nothing/").status_code == 404
    assert as_vera.post("/nothing/").status_code == 404
    assert not AuditEvent.objects.filter(action="change.refuse").exists()


def test_a_secret_in_an_address_is_not_noted(as_vera: Client, acme: Team, vera: User) -> None:
    as_vera.post("/join/sesame-sesame-sesame/", headers={"sec-fetch-site": "cross-site"})
    assert len(noted(audit.INSTALLATION)) == 1
    assert "sesame" not in factories.dump()


def test_the_page_and_the_files_show_the_request(as_alice: Client, acme: Team) -> None:
    response = send(as_alice, RENAME, {"name": "Umbrella"})
    (row,) = AuditEvent.objects.filter(team_id=acme.id, action="team.rename")
    assert row.request_id == response["X-Request-Id"]
    found = as_alice.get("/t/acme/audit/", {"what": row.request_id})
    assert row.request_id in found.content.decode()
    assert {event.request_id for event in found.context["page"].events} == {row.request_id}
    lines = as_alice.get("/t/acme/audit/jsonl/", {"what": row.request_id})
    assert json.loads(file(lines))["request_id"] == row.request_id


def test_a_try_reads_as_a_sentence(as_alice: Client, as_vera: Client, acme: Team) -> None:
    as_vera.post("/t/acme/keys/new/", {"name": "x"})
    body = " ".join(as_alice.get("/t/acme/audit/").content.decode().split())
    assert "<strong>vera</strong> tried a change that was refused: <b>key new</b>" in body
    assert json.dumps("key_new") not in body


@pytest.fixture
def ringless(settings: Any, tmp_path: Path) -> None:
    """The key ring can't be read any more, so nothing can be noted."""
    settings.KEY_RING_PATH = tmp_path / "keyring.json"


def test_without_a_key_ring_a_change_is_refused_as_ever(
    as_vera: Client, as_mallory: Client, acme: Team, ringless: None
) -> None:
    assert as_vera.post(RENAME, {"name": "Mine"}).status_code == 403
    assert as_mallory.post(RENAME, {"name": "Mine"}).status_code == 404
    assert as_vera.post(RENAME, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert not AuditEvent.objects.filter(action="change.refuse").exists()


def test_without_an_audit_key_a_wrong_password_is_refused_as_ever(
    as_alice: Client, acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacks(*_: object) -> tuple[int, str]:
        raise Unavailable("audit version 1")

    monkeypatch.setattr(digests, "audit_mac", lacks)
    wrong = {"password": "not my word"}
    statuses = [as_alice.post("/reauthenticate/", wrong).status_code for _ in range(11)]
    assert statuses == [422] * 10 + [429]


def test_without_a_key_ring_no_password_is_checked(
    as_alice: Client, acme: Team, ringless: None
) -> None:
    as_alice.raise_request_exception = False
    assert as_alice.post("/reauthenticate/", {"password": "not my word"}).status_code == 503


def test_without_a_key_ring_a_change_that_is_allowed_waits(
    as_alice: Client, acme: Team, ringless: None
) -> None:
    as_alice.raise_request_exception = False
    response = send(as_alice, RENAME, {"name": "Umbrella"})
    assert (response.status_code, response["Retry-After"]) == (503, "2")
    acme.refresh_from_db()
    assert acme.name != "Umbrella"
