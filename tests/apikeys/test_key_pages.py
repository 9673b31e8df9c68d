"""The pages of API keys: who may do what, and a text that is shown once."""

from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Session, Team, User
from apikeys.key_text import PATTERN
from apikeys.models import ApiKey, KeySecret
from chatflows.calls import store
from chatflows.models import Chatflow
from tests import factories
from tests.conftest import Integration

LIST = "/t/acme/keys/"
NEW = "/t/acme/keys/new/"
NEVER = {"expires": "never"}
KEEP_NONE = {"replacement": ""}
ODD_NAMES = [
    "<script>alert(1)</script>",
    "🔑🔑",
    "a'b\"c&d",
    "{{ 7|add:7 }}",
    "../../etc",
]


def page(key_id: UUID, action: str) -> str:
    return f"/t/acme/keys/{key_id}/{action}/"


def texts(body: bytes) -> set[str]:
    return {found[0] for found in PATTERN.finditer(body.decode())}


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


def test_a_new_key_is_shown_once_and_works(as_alice: Client, faq: Chatflow, alice: User) -> None:
    response = as_alice.post(NEW, {"name": "crm-sync", "opens": [str(faq.id)], **NEVER})
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    (text,) = texts(response.content)
    key = ApiKey.objects.get(name="crm-sync")
    assert key.created_by == alice
    assert set(key.chatflows.all()) == {faq}
    assert KeySecret.objects.get(key=key).public_id == text.split("_")[2]
    for again in (NEW, LIST, page(key.id, "first-call"), f"/t/acme/chatflows/{faq.id}/"):
        assert not texts(as_alice.get(again).content)
    assert text not in factories.dump()


def test_the_text_is_in_no_session_and_no_cookie(as_alice: Client, acme: Team) -> None:
    response = as_alice.post(NEW, {"name": "crm-sync", **NEVER})
    (text,) = texts(response.content)
    tail = text.split("_")[3]
    assert tail not in str([s.get_decoded() for s in Session.objects.all()])
    assert tail not in str(response.cookies) + str(as_alice.cookies)
    assert not response.has_header("Location")


def test_a_second_post_of_the_name_is_refused_and_shows_nothing(
    as_alice: Client, acme: Team
) -> None:
    first = as_alice.post(NEW, {"name": "crm-sync", **NEVER})
    second = as_alice.post(NEW, {"name": "CRM-Sync", **NEVER})
    assert (first.status_code, second.status_code) == (200, 422)
    assert "The team has a key of this name." in second.content.decode()
    assert not texts(second.content)
    assert KeySecret.objects.count() == 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "This field is required."),
        ({"name": "", **NEVER}, "This field is required."),
        ({"name": "   ", **NEVER}, "This field is required."),
        ({"name": "x" * 65, **NEVER}, "at most 64"),
        ({"name": "x" * 10_000, **NEVER}, "at most 64"),
        ({"name": "nul\0", **NEVER}, "Null characters are not allowed"),
        ({"name": "k", "expires": "sometime"}, "Select a valid choice"),
        ({"name": "k", "expires": "date"}, "Choose the last day"),
        ({"name": "k", "expires": "date", "expires_on": "2020-01-01"}, "This day is over"),
        ({"name": "k", "expires": "date", "expires_on": "31/31/31"}, "Enter a valid date"),
        ({"name": "k", "opens": ["nonsense"], **NEVER}, "Select a valid choice"),
        ({"name": "k", "opens": [str(factories.NOBODYS_ID)], **NEVER}, "Select a valid choice"),
    ],
    ids=lambda v: str(v)[:40],
)
def test_a_form_that_is_wrong_says_so_and_makes_nothing(
    as_alice: Client, acme: Team, data: dict[str, object], says: str
) -> None:
    response = as_alice.post(NEW, data)
    assert response.status_code == 422
    assert says in response.content.decode()
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "99999-01-01", "2026-13-45"])
def test_an_odd_day_never_breaks(as_alice: Client, acme: Team, day: str) -> None:
    data = {"name": "k", "expires": "date", "expires_on": day}
    response = as_alice.post(NEW, data)
    assert response.status_code in (200, 422)
    assert as_alice.get(LIST).status_code == 200


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_is_escaped_on_every_page(as_alice: Client, faq: Chatflow, name: str) -> None:
    created = as_alice.post(NEW, {"name": name, "opens": [str(faq.id)], **NEVER})
    assert created.status_code == 200
    key = ApiKey.objects.get(name=name)
    pages = [LIST, page(key.id, "delete"), f"/t/acme/chatflows/{faq.id}/", LIST + "?q=" + "a"]
    for body in [created.content, *(as_alice.get(url).content for url in pages)]:
        assert b"<script>alert" not in body
        assert b"a'b\"c&d" not in body


def test_a_key_made_for_a_date_works_until_the_end_of_that_day(
    as_alice: Client, acme: Team
) -> None:
    day = (timezone.now() + timedelta(days=5)).date()
    as_alice.post(NEW, {"name": "k", "expires": "date", "expires_on": day.isoformat()})
    expires_at = ApiKey.objects.get(name="k").expires_at
    assert expires_at is not None
    assert expires_at.isoformat() == f"{day}T23:59:59+00:00"


def test_default_keys_text_is_made_and_shown_once(as_alice: Client, default_key: ApiKey) -> None:
    url = page(default_key.id, "issue")
    assert not texts(as_alice.get(url, follow=True).content)
    shown = as_alice.post(url)
    assert shown["Cache-Control"] == "no-store"
    assert len(texts(shown.content)) == 1
    again = as_alice.post(url, follow=True)
    assert not texts(again.content)
    assert "has a secret already" in again.content.decode()
    assert KeySecret.objects.count() == 1


def test_the_first_call_is_waited_for_and_then_shown(
    as_alice: Client, integration: Integration, faq: Chatflow
) -> None:
    url = page(integration.key.id, "first-call")
    assert "Waiting" in as_alice.get(url).content.decode()
    store.write([factories.call(faq, integration.key)])
    body = as_alice.get(url).content.decode()
    assert "Waiting" not in body
    assert "Support FAQ" in body
    assert "192.0.2.7" in body
    assert "<html" not in body


def test_a_refused_first_call_says_why(
    as_alice: Client, integration: Integration, faq: Chatflow
) -> None:
    refused = {"allowed": False, "status": 403, "code": "key_not_selected"}
    store.write([factories.call(faq, integration.key, reason="not_selected", **refused)])
    body = as_alice.get(page(integration.key.id, "first-call")).content.decode()
    assert "not selected for this chatflow" in body


def test_a_first_call_to_another_teams_chatflow_does_not_name_it(
    as_alice: Client, integration: Integration, globex: Team
) -> None:
    foreign = factories.chatflow(globex, "Globex plans")
    refused = {"allowed": False, "status": 404, "code": "not_found", "reason": "no_chatflow"}
    team_id = integration.key.team_id
    store.write([factories.call(foreign, integration.key, team_id=team_id, **refused)])
    body = as_alice.get(page(integration.key.id, "first-call")).content.decode()
    assert "Globex" not in body
    assert "404" in body


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
    assert as_alice.get(page(key.id, "delete")).status_code == 404
    assert b"crm-sync is deleted" in as_alice.get(LIST).content
    assert b"crm-sync" not in as_alice.get(LIST).content


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
    assert as_alice.get(page(integration.key.id, action)).status_code == 405
    assert factories.dump() == before


def test_vera_sees_the_list_and_changes_nothing(as_vera: Client, integration: Integration) -> None:
    assert as_vera.get(LIST).status_code == 200
    assert as_vera.get(page(integration.key.id, "first-call")).status_code == 200
    before = factories.dump()
    for url in (NEW, *(page(integration.key.id, a) for a in ("issue", "delete"))):
        assert as_vera.get(url).status_code == 403
    for method, url in urls(integration.key.id):
        if method == "post":
            assert as_vera.post(url).status_code == 403
    assert as_vera.post(NEW, {"name": "k", **NEVER}).status_code == 403
    assert factories.dump() == before


def test_eddie_makes_and_deletes_keys(as_eddie: Client, integration: Integration) -> None:
    assert as_eddie.post(NEW, {"name": "k", **NEVER}).status_code == 200
    assert as_eddie.post(page(integration.key.id, "delete"), KEEP_NONE).status_code == 302


def test_a_stranger_finds_nothing(as_mallory: Client, integration: Integration) -> None:
    before = factories.dump()
    for method, url in [("get", LIST), ("get", NEW), ("post", NEW), *urls(integration.key.id)]:
        response = getattr(as_mallory, method)(url)
        assert response.status_code == 404, url
        assert b"crm-sync" not in response.content
    assert factories.dump() == before


def test_a_visitor_is_led_to_the_login(client: Client, integration: Integration) -> None:
    for method, url in [("get", LIST), ("get", NEW), ("post", NEW), *urls(integration.key.id)]:
        response = getattr(client, method)(url)
        assert response.status_code == 302, url
        assert urlsplit(response["Location"]).path == "/login/"


def test_a_visitors_fragment_leaves_as_a_whole_page(client: Client, acme: Team) -> None:
    response = client.get(LIST, headers={"HX-Request": "true"})
    assert response["HX-Redirect"] == "/login/"


def test_a_foreign_id_and_a_random_id_are_the_same_answer(
    as_alice: Client, globex: Team, acme: Team
) -> None:
    foreign, _ = factories.key(globex, "foreign")
    for (method, there), (_, nowhere) in zip(urls(foreign.id), urls(uuid4()), strict=True):
        one, two = getattr(as_alice, method)(there), getattr(as_alice, method)(nowhere)
        assert one.status_code == two.status_code == 404, there
        assert factories.without_id_and_time(one) == factories.without_id_and_time(two)
    assert ApiKey.objects.get(pk=foreign.pk).deleted_at is None


@pytest.mark.parametrize("seconds_ago", [None, 601.0, 86_400.0])
def test_a_new_key_wants_a_fresh_password(
    alice: User, default_key: ApiKey, seconds_ago: float | None
) -> None:
    browser = factories.client(alice)
    if seconds_ago is not None:
        factories.note_password(browser, alice, seconds_ago)
    before = KeySecret.objects.count(), ApiKey.objects.count()
    for response in (
        browser.get(NEW),
        browser.post(NEW, {"name": "k", **NEVER}),
        browser.post(page(default_key.id, "issue")),
    ):
        assert response.status_code == 302
        assert urlsplit(response["Location"]).path == "/reauthenticate/"
    assert (KeySecret.objects.count(), ApiKey.objects.count()) == before


def test_confirming_the_password_leads_back_to_the_page(alice: User, acme: Team) -> None:
    browser = factories.client(alice)
    asked = browser.get(NEW)
    wrong = browser.post(asked["Location"], {"password": "not the password"})
    assert wrong.status_code == 422
    assert browser.get(NEW).status_code == 302
    right = browser.post(asked["Location"], {"password": factories.PASSWORD})
    assert right["Location"] == NEW
    assert browser.get(NEW).status_code == 200


def test_a_password_of_599_seconds_ago_is_fresh(alice: User, acme: Team) -> None:
    browser = factories.client(alice)
    factories.note_password(browser, alice, 595)
    assert browser.get(NEW).status_code == 200


def test_a_post_without_the_csrf_token_is_refused(alice: User, integration: Integration) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    response = browser.post(page(integration.key.id, "disable"))
    assert response.status_code == 403
    assert ApiKey.objects.get(pk=integration.key.pk).disabled_at is None


def test_a_suspended_teams_pages_are_gone(as_alice: Client, acme: Team) -> None:
    Team.objects.filter(pk=acme.pk).update(suspended_at=timezone.now())
    assert as_alice.get(LIST).status_code == 404


def test_a_member_who_left_is_out_with_the_next_request(as_alice: Client, alice: User) -> None:
    assert as_alice.get(LIST).status_code == 200
    alice.memberships.all().delete()
    assert as_alice.get(LIST).status_code == 404


def test_pages_name_the_person_in_the_audit_trail(as_eddie: Client, acme: Team) -> None:
    as_eddie.post(NEW, {"name": "k", **NEVER})
    event = AuditEvent.objects.filter(team_id=acme.id).latest("sequence")
    assert (event.actor_kind, event.actor_name, event.address) == ("person", "eddie", "127.0.0.1")
