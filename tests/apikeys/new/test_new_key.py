"""Make a key: the form, the one page with its text, the wait for its first call."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Session, Team, User
from apikeys.key_text import PATTERN
from apikeys.models import ApiKey, KeySecret
from chatflows.calls import store
from chatflows.models import Chatflow
from tests import factories
from tests.apikeys.pages import LIST, NEVER, NEW, page
from tests.conftest import Integration

NO_CALL = "No call was let in with it yet."


def texts(body: bytes) -> set[str]:
    return {found[0] for found in PATTERN.finditer(body.decode())}


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
        ({}, "Fill this in"),
        ({"name": "", **NEVER}, "Fill this in"),
        ({"name": "   ", **NEVER}, "Fill this in"),
        ({"name": "x" * 65, **NEVER}, "at most 64"),
        ({"name": "x" * 10_000, **NEVER}, "at most 64"),
        ({"name": "nul\0", **NEVER}, "can&#x27;t be stored"),
        ({"name": "k", "expires": "sometime"}, "Choose one of the list"),
        ({"name": "k", "expires": "date"}, "Choose the last day"),
        ({"name": "k", "expires": "date", "expires_on": "2020-01-01"}, "This day is over"),
        ({"name": "k", "expires": "date", "expires_on": "31/31/31"}, "Write a day"),
        ({"name": "k", "opens": ["nonsense"], **NEVER}, "Choose one of the list"),
        ({"name": "k", "opens": [str(factories.NOBODYS_ID)], **NEVER}, "Choose one of the list"),
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


def test_a_key_whose_text_nobody_saw_is_named_and_issued_anew(
    as_alice: Client, faq: Chatflow
) -> None:
    lost = as_alice.post(NEW, {"name": "crm-sync", "opens": [str(faq.id)], **NEVER})
    key = ApiKey.objects.get(name="crm-sync")
    listed = as_alice.get(LIST).content.decode()
    assert "No call was let in with it yet." in listed
    assert "Create a new text" in listed
    assert NO_CALL in as_alice.get(page(key.id, "delete")).content.decode()
    asked = as_alice.get(page(key.id, "issue")).content.decode()
    assert NO_CALL in asked
    assert "refused" not in asked
    assert KeySecret.objects.get(key=key).ends_at is None, "nothing ends before it was asked"
    shown = as_alice.post(page(key.id, "issue"), {"unused": "1"})
    (text,) = texts(shown.content)
    assert {text} != texts(lost.content)
    old, new = KeySecret.objects.filter(key=key).order_by("id")
    assert old.ends_at is not None
    assert (new.ends_at, new.public_id) == (None, text.split("_")[2])


def test_a_key_that_was_only_refused_says_so_before_its_text_ends(
    as_alice: Client, integration: Integration, faq: Chatflow
) -> None:
    store.write([factories.call(faq, integration.key, allowed=False, status=403)] * 3)
    listed = as_alice.get(LIST, {"q": integration.key.name}).content.decode()
    assert "No call was let in with it yet." in listed
    url = page(integration.key.id, "issue")
    assert f'href="{url}"' in listed
    assert f'action="{url}"' not in listed
    asked = " ".join(as_alice.get(url).content.decode().split())
    assert f"{NO_CALL} 3 calls in the last 14 days were refused." in asked
    assert "The text before stops working at once." in asked
    deleting = " ".join(as_alice.get(page(integration.key.id, "delete")).content.decode().split())
    assert "It made 3 calls in the last 14 days. None was let in." in deleting


def test_a_key_that_was_used_is_not_issued_anew(
    as_alice: Client, integration: Integration, faq: Chatflow
) -> None:
    store.write([factories.call(faq, integration.key)])
    assert (
        "Create a new text" not in as_alice.get(LIST, {"q": integration.key.name}).content.decode()
    )
    assert as_alice.get(page(integration.key.id, "issue")).status_code == 302
    again = as_alice.post(page(integration.key.id, "issue"), {"unused": "1"}, follow=True)
    assert "has a secret already" in again.content.decode()
    assert KeySecret.objects.filter(key=integration.key).count() == 1


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
