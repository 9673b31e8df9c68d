"""The pages of API keys: the list, what ends a key, and who may do what."""

from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Team, User
from apikeys.models import ApiKey
from chatflows.models import Chatflow
from tests import factories
from tests.apikeys.pages import LIST, NEVER, NEW, page
from tests.conftest import Integration

KEEP_NONE = {"replacement": ""}
ODD_NAMES = [
    "<script>alert(1)</script>",
    "🔑🔑",
    "a'b\"c&d",
    "{{ 7|add:7 }}",
    "../../etc",
]


def urls(key_id: UUID) -> list[tuple[str, str]]:
    return [
        ("get", page(key_id, "first-call")),
        ("get", page(key_id, "issue")),
        ("post", page(key_id, "issue")),
        ("post", page(key_id, "disable")),
        ("post", page(key_id, "enable")),
        ("get", page(key_id, "delete")),
        ("post", page(key_id, "delete")),
    ]


def test_the_list_names_the_teams_keys_and_no_others(
    as_alice: Client, integration: Integration, globex: Team
) -> None:
    factories.key(globex, "globex-secret-project")
    body = as_alice.get(LIST).content.decode()
    assert "crm-sync" in body
    assert "DefaultKey" in body
    assert "Support FAQ" in body
    assert "globex-secret-project" not in body


def test_the_list_shows_the_hint_and_never_more(as_alice: Client, integration: Integration) -> None:
    body = as_alice.get(LIST).content.decode()
    _, _, public_id, tail = integration.text.split("_")
    assert public_id[:4] in body
    assert tail[:12] not in body


@pytest.mark.parametrize("show", ["all", "active", "attention", "disabled", "nonsense", ""])
def test_the_list_filters_by_state(as_alice: Client, integration: Integration, show: str) -> None:
    body = as_alice.get(LIST, {"show": show}).content.decode()
    assert ("crm-sync" in body) is (show in ("all", "active", "nonsense", ""))
    assert ("DefaultKey" in body) is (show in ("all", "attention", "nonsense", ""))


@pytest.mark.parametrize(
    "q", ["crm", "CRM", "'; --", "%", "_", "<b>", "\0", "🔑", "x" * 10_000, "\\", "\u202e"]
)
def test_a_search_never_fails(as_alice: Client, integration: Integration, q: str) -> None:
    response = as_alice.get(LIST, {"q": q})
    assert response.status_code == 200
    if q != "\0":  # SQLite's LIKE ends a pattern there
        assert (b"crm-sync" in response.content) is (q.lower() == "crm")
    assert b"<b>\xe2\x80\x9d" not in response.content


def test_a_search_finds_by_a_piece_of_the_id(as_alice: Client, integration: Integration) -> None:
    piece = integration.text.split("_")[2][3:9]
    assert b"crm-sync" in as_alice.get(LIST, {"q": piece}).content


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_is_escaped_on_every_page(as_alice: Client, faq: Chatflow, name: str) -> None:
    created = as_alice.post(NEW, {"name": name, "opens": [str(faq.id)], **NEVER})
    assert created.status_code == 200
    key = ApiKey.objects.get(name=name)
    pages = [LIST, page(key.id, "delete"), f"/t/acme/chatflows/{faq.id}/", LIST + "?q=" + "a"]
    for body in [created.content, *(as_alice.get(url).content for url in pages)]:
        assert b"<script>alert" not in body
        assert b"a'b\"c&d" not in body


def test_disabling_the_last_key_of_a_chatflow_names_what_it_closes(
    as_alice: Client, integration: Integration
) -> None:
    assert "Closes Support FAQ to everyone." in as_alice.get(LIST).content.decode()
    as_alice.post(page(integration.key.id, "disable"))
    said = as_alice.get(LIST).content.decode()
    assert "Closed to everyone now, as no other key opens it: Support FAQ." in said
    assert "Closes Support FAQ" not in said
    as_alice.post(page(integration.key.id, "disable"))  # it was disabled already: nothing closes
    assert "Closed to everyone now" not in as_alice.get(LIST).content.decode()


def test_disable_enable_and_delete_do_what_they_say(
    as_alice: Client, integration: Integration
) -> None:
    key = integration.key
    assert as_alice.post(page(key.id, "disable")).status_code == 302
    assert ApiKey.objects.get(pk=key.pk).disabled_at is not None
    assert as_alice.post(page(key.id, "enable")).status_code == 302
    assert ApiKey.objects.get(pk=key.pk).disabled_at is None
    closing = as_alice.get(page(key.id, "delete")).content.decode()
    assert "Support FAQ" in closing
    assert as_alice.post(page(key.id, "delete"), KEEP_NONE).status_code == 302
    assert ApiKey.objects.get(pk=key.pk).deleted_at is not None
    assert b"crm-sync is deleted" in as_alice.get(LIST).content
    assert b"crm-sync" not in as_alice.get(LIST).content
    assert as_alice.get(page(key.id, "delete")).status_code == 404


def test_a_post_without_any_field_is_a_post(as_alice: Client, integration: Integration) -> None:
    assert as_alice.post(page(integration.key.id, "delete")).status_code == 302


def test_deleting_can_open_the_doors_with_another_key(
    as_alice: Client, integration: Integration, acme: Team, faq: Chatflow
) -> None:
    second, _ = factories.key(acme, "second")
    as_alice.post(page(integration.key.id, "delete"), {"replacement": str(second.id)})
    assert set(second.chatflows.all()) == {faq}


def test_a_replacement_must_be_a_usable_key_of_the_team(
    as_alice: Client, integration: Integration, globex: Team, default_key: ApiKey
) -> None:
    foreign, _ = factories.key(globex, "foreign")
    for other in (foreign.id, default_key.id, integration.key.id, uuid4(), "nonsense"):
        response = as_alice.post(page(integration.key.id, "delete"), {"replacement": str(other)})
        assert response.status_code == 422
        assert b"foreign" not in response.content
    assert ApiKey.objects.get(pk=integration.key.pk).deleted_at is None


@pytest.mark.parametrize("action", ["disable", "enable"])
def test_a_get_changes_nothing(as_alice: Client, integration: Integration, action: str) -> None:
    before = factories.dump()
    assert as_alice.get(page(integration.key.id, action)).status_code == 302
    assert factories.dump() == before


def test_vera_sees_the_list_and_changes_nothing(as_vera: Client, integration: Integration) -> None:
    assert as_vera.get(LIST).status_code == 200
    assert as_vera.get(page(integration.key.id, "first-call")).status_code == 200
    before = factories.state()
    for url in (NEW, *(page(integration.key.id, a) for a in ("issue", "delete"))):
        assert as_vera.get(url).status_code == 403
    for method, url in urls(integration.key.id):
        if method == "post":
            assert as_vera.post(url).status_code == 403
    assert as_vera.post(NEW, {"name": "k", **NEVER}).status_code == 403
    assert factories.state() == before


def test_eddie_makes_and_deletes_keys(as_eddie: Client, integration: Integration) -> None:
    assert as_eddie.post(NEW, {"name": "k", **NEVER}).status_code == 200
    assert as_eddie.post(page(integration.key.id, "delete"), KEEP_NONE).status_code == 302


def test_a_stranger_finds_nothing(as_mallory: Client, integration: Integration) -> None:
    before = factories.state()
    for method, url in [("get", LIST), ("get", NEW), ("post", NEW), *urls(integration.key.id)]:
        response = getattr(as_mallory, method)(url)
        assert response.status_code == 404, url
        assert b"crm-sync" not in response.content
    assert factories.state() == before


def test_a_visitor_is_led_to_the_login(client: Client, integration: Integration) -> None:
    for method, url in [("get", LIST), ("get", NEW), ("post", NEW), *urls(integration.key.id)]:
        response = getattr(client, method)(url)
        assert response.status_code == 302, url
        assert urlsplit(response["Location"]).path == "/login/"


def test_a_visitors_fragment_leaves_as_a_whole_page(client: Client, acme: Team) -> None:
    response = client.get(LIST, headers={"HX-Request": "true"})
    assert response["HX-Redirect"] == "/login/?next=/"


def test_a_foreign_id_and_a_random_id_are_the_same_answer(
    as_alice: Client, globex: Team, acme: Team
) -> None:
    foreign, _ = factories.key(globex, "foreign")
    for (method, there), (_, nowhere) in zip(urls(foreign.id), urls(uuid4()), strict=True):
        one, two = getattr(as_alice, method)(there), getattr(as_alice, method)(nowhere)
        assert one.status_code == two.status_code == 404, there
        assert factories.without_id_and_time(one) == factories.without_id_and_time(two)
    assert ApiKey.objects.get(pk=foreign.pk).deleted_at is None


def test_a_post_without_the_csrf_token_is_refused(alice: User, integration: Integration) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    response = browser.post(page(integration.key.id, "disable"))
    assert response.status_code == 403
    assert ApiKey.objects.get(pk=integration.key.pk).disabled_at is None


def test_a_suspended_teams_pages_are_gone(as_alice: Client, acme: Team) -> None:
    Team.objects.filter(pk=acme.pk).update(suspended_at=timezone.now())
    assert as_alice.get(LIST).status_code == 403


def test_a_member_who_left_is_out_with_the_next_request(as_alice: Client, alice: User) -> None:
    assert as_alice.get(LIST).status_code == 200
    alice.memberships.all().delete()
    assert as_alice.get(LIST).status_code == 404


def test_pages_name_the_person_in_the_audit_trail(as_eddie: Client, acme: Team) -> None:
    as_eddie.post(NEW, {"name": "k", **NEVER})
    event = AuditEvent.objects.filter(team_id=acme.id).latest("sequence")
    assert (event.actor_kind, event.actor_name, event.address) == ("person", "eddie", "127.0.0.1")
