"""Pickers of members, service accounts and chatflows: 50 are offered, a search finds the others."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role, Team, User
from accounts.services import service_accounts
from accounts.services.service_accounts import About
from apikeys.models import ApiKey
from chatflows.models import Chatflow
from tests import factories
from tests.conftest import Integration

pytestmark = pytest.mark.django_db

TEAM = "/t/acme/"
NEW = TEAM + "keys/new/"
TYPING: dict[str, Any] = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def many(acme: Team) -> list[Chatflow]:
    return [factories.chatflow(acme, f"Helper {n:02}") for n in range(60)]


def text_of(key: ApiKey) -> str:
    """A text with the shape of the key's, as somebody pastes it."""
    return f"flk_sk_{key.secret.public_id}_{'A1b' * 16}x" if key.secret else ""


def test_members_are_offered_by_what_was_typed(
    as_vera: Client, acme: Team, globex: Team, mallory: User
) -> None:
    for n in range(60):
        factories.join(acme, factories.user(f"person-{n:02}"), Role.VIEWER)
    typing = {**TYPING, "HTTP_HX_TRIGGER_NAME": "contact"}
    whole = as_vera.post(f"{TEAM}members/names/", {"contact": "PERSON"}, **typing)
    assert whole.content.count(b"<option") == 50
    one = as_vera.post(f"{TEAM}members/names/", {"contact": "son-07"}, **typing).content.decode()
    assert one.count("<option") == 1
    assert 'value="person-07"' in one
    strangers = as_vera.post(f"{TEAM}members/names/", {"contact": "mallory"}, **typing)
    assert b"<option" not in strangers.content


@pytest.mark.parametrize("typed", ["\0", "%", "'; --", "x" * 10_000, "<script>"])
def test_what_is_typed_is_text(as_vera: Client, typed: str) -> None:
    typing = {**TYPING, "HTTP_HX_TRIGGER_NAME": "owner"}
    answer = as_vera.post(f"{TEAM}members/names/", {"owner": typed}, **typing)
    assert answer.status_code == 200
    assert b"<script" not in answer.content


def test_accounts_are_taken_by_name_and_not_from_other_teams(
    as_alice: Client, acme: Team, globex: Team, alice: User, mallory: User
) -> None:
    service_accounts.create(acme, About("Sync", "staging", "", alice), factories.TESTER)
    service_accounts.create(globex, About("Theirs", "staging", "", mallory), factories.TESTER)
    values = {"name": "k", "expires": "never"}
    refused = as_alice.post(NEW, {**values, "service_account": "theirs"})
    unknown = as_alice.post(NEW, {**values, "service_account": "nobody"})
    assert refused.status_code == unknown.status_code == 422
    said = "No service account has this name. Choose one of the list."
    assert said in refused.content.decode()
    assert said in unknown.content.decode()
    assert as_alice.post(NEW, {**values, "service_account": " SYNC "}).status_code == 200
    assert ApiKey.objects.get(name="k").service_account is not None


def test_chatflows_are_found_while_somebody_types(
    as_alice: Client, many: list[Chatflow], globex: Team
) -> None:
    factories.chatflow(globex, "Helper of globex")
    found = as_alice.post(f"{NEW}find/", {"find-opens": "helper 5"}, **TYPING).content.decode()
    assert found.count('name="opens"') == 10
    assert "globex" not in found
    radio = as_alice.post(f"{NEW}find/", {"find-pinned_to": "HELPER"}, **TYPING).content.decode()
    assert radio.count('type="radio" name="pinned_to"') == 50
    assert "More chatflows fit" in radio


def test_a_search_without_a_script_keeps_what_was_typed(
    as_alice: Client, many: list[Chatflow]
) -> None:
    typed = {"name": "crm", "opens": str(many[3].id), "limit_day": "7", "find": "find-opens"}
    page = as_alice.post(NEW, {**typed, "find-opens": "helper 59", "kind": "secret"})
    body = page.content.decode()
    assert page.status_code == 200
    assert f'value="{many[59].id}"' in body
    assert f'name="opens" value="{many[3].id}" autocomplete="off" checked' in body
    assert 'value="crm"' in body
    assert 'value="7"' in body
    assert 'class="error"' not in body
    assert not ApiKey.objects.filter(name="crm").exists()


@pytest.mark.parametrize(
    ("address", "name"), [("keys/{key}/find/", "find"), ("chatflows/{flow}/access/keys/", "q")]
)
def test_a_pasted_key_stands_in_no_address(
    as_alice: Client, integration: Integration, faq: Chatflow, address: str, name: str
) -> None:
    path = TEAM + address.format(key=integration.key.id, flow=faq.id)
    answer = as_alice.post(path, {name: integration.text})
    assert answer.status_code == 302
    secret = integration.key.secret
    assert secret is not None
    assert answer.headers["Location"].endswith((secret.public_id, f"{secret.public_id}#opens"))
    half = integration.text.rpartition("_")[2]
    answer = as_alice.post(path, {name: half}, follow=True)
    assert half not in answer.redirect_chain[-1][0]
    assert half not in answer.content.decode()
    assert "nothing was searched" in answer.content.decode()


@pytest.mark.parametrize(("address", "name"), [("keys/{key}/", "find"), ("chatflows/{flow}/", "q")])
def test_an_address_with_a_key_in_it_is_left_at_once(
    as_alice: Client, integration: Integration, faq: Chatflow, address: str, name: str
) -> None:
    path = TEAM + address.format(key=integration.key.id, flow=faq.id)
    answer = as_alice.get(path, {name: integration.text})
    assert answer.status_code == 302
    assert integration.text not in answer.headers["Location"]


def test_a_key_of_another_team_is_searched_for_by_nobody(as_alice: Client, globex: Team) -> None:
    theirs, _ = factories.key(globex, "theirs")
    for key_id in (theirs.id, factories.NOBODYS_ID):
        assert as_alice.post(f"{TEAM}keys/{key_id}/find/", {"find": "x"}).status_code == 404
