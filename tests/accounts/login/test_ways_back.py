"""A form that met a login on its way: the person goes on where the form stands."""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client

from accounts.models import Team, User
from accounts.services import service_accounts
from accounts.services.service_accounts import About
from apikeys.services import keys
from chatflows.models import Chatflow
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.fast]

HERE = "http://testserver"
DISABLE = "/t/acme/keys/disable/"
LIST = "/t/acme/keys/"


def next_of(location: str) -> str:
    assert urlsplit(location).path in ("/login/", "/reauthenticate/"), location
    return parse_qs(urlsplit(location).query)["next"][0]


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        (f"{HERE}{LIST}?show=active&q=crm", f"{LIST}?show=active&q=crm"),
        (f"{HERE}/t/globex/keys/", LIST),
        (f"https://evil.example{LIST}", LIST),
        (f"//evil.example{LIST}", LIST),
        (f"{HERE}//evil.example{LIST}", LIST),
        ("http://[", LIST),
        ("\\\\evil.example", LIST),
        ("", LIST),
    ],
)
def test_an_ended_session_leads_back_to_the_page_of_the_form(
    acme: Team, referer: str, back: str
) -> None:
    answer = Client().post(DISABLE, {}, headers={"Referer": referer})
    assert next_of(answer["Location"]) == back


def test_the_person_reads_that_nothing_was_saved(acme: Team, alice: User) -> None:
    browser = Client()
    page = browser.post(DISABLE, {}, follow=True).content.decode()
    assert "You were logged out, so nothing was saved." in page
    asked = Client().get(LIST, follow=True).content.decode()
    assert "You were logged out" not in asked


def test_a_fragment_leads_the_whole_page_to_the_login_and_back(faq: Chatflow) -> None:
    url = f"{HERE}/t/acme/chatflows/{faq.id}/?q=crm"
    headers = {"HX-Request": "true", "HX-Current-URL": url}
    for method, part in (("post", "access"), ("get", "calls")):
        answer = getattr(Client(), method)(f"/t/acme/chatflows/{faq.id}/{part}/", headers=headers)
        assert next_of(answer["HX-Redirect"]) == url.removeprefix(HERE)


def test_the_password_question_leads_back_with_the_query(as_alice: Client, alice: User) -> None:
    stale = factories.client(alice)
    answer = stale.post("/t/acme/keys/new/?chatflow=x", {"name": "crm"})
    assert next_of(answer["Location"]) == "/t/acme/keys/new/?chatflow=x"


def test_a_method_that_no_page_takes_has_a_page_of_its_own(as_alice: Client) -> None:
    for path in (DISABLE, LIST, "/profile/"):
        answer = as_alice.delete(path)
        assert answer.status_code == 405
        assert "This door opens another way" in answer.content.decode()
        assert "GET" in answer["Allow"]


FILTERED = f"{LIST}?show=disabled&q=crm"


def sent_again(browser: Client, person: User, form: str, came_from: str) -> str:
    """Send a form that asks for the password, give it, and send what the next page asks for."""
    asked = browser.post(form, {}, headers={"Referer": f"{HERE}{came_from}"})
    there = next_of(asked["Location"])
    factories.note_password(browser, person)
    page = browser.get(there)
    if page.status_code == 302:  # the place where the person was
        return str(page["Location"])
    return str(browser.post(there, {}, headers={"Referer": f"{HERE}{there}"})["Location"])


def test_enabling_a_key_leads_back_to_where_the_person_was(acme: Team, alice: User) -> None:
    key, _ = factories.key(acme, "crm")
    page = f"{LIST}{key.id}/"
    for came_from in (FILTERED, page):
        keys.disable(key, factories.TESTER)
        browser = factories.client(alice)
        assert sent_again(browser, alice, f"{page}enable/", came_from) == came_from
        key.refresh_from_db()
        assert key.disabled_at is None


def test_enabling_many_keys_leads_back_and_offers_it_again(acme: Team, alice: User) -> None:
    key, _ = factories.key(acme, "crm")
    keys.disable(key, factories.TESTER)
    browser = factories.client(alice)
    undo = f"{LIST}enable/?key={key.id}"
    assert sent_again(browser, alice, undo, FILTERED) == FILTERED
    body = browser.get(FILTERED).content.decode()
    assert "1 key is still disabled." in body
    assert f'action="{undo}"' in body


def test_enabling_a_service_account_leads_back_to_where_the_person_was(
    acme: Team, alice: User
) -> None:
    account = service_accounts.create(acme, About("Sync", "production"), factories.TESTER)
    accounts = "/t/acme/service-accounts/"
    for came_from in (f"{accounts}?status=disabled", f"{accounts}{account.id}/"):
        service_accounts.disable(account, factories.TESTER)
        stale = factories.client(alice)
        form = f"{accounts}{account.id}/enable/"
        assert sent_again(stale, alice, form, came_from) == came_from
        fresh = factories.client(alice, is_fresh=True)
        answer = fresh.post(form, {}, headers={"Referer": f"{HERE}{came_from}"})
        assert answer["Location"] == came_from


@pytest.mark.parametrize(
    "back", ["https://evil.example/t/acme/keys/", "//evil.example", "/t/globex/keys/", "/operator/"]
)
def test_the_way_back_leads_to_no_other_place(
    acme: Team, alice: User, as_alice: Client, back: str
) -> None:
    key, _ = factories.key(acme, "crm")
    keys.disable(key, factories.TESTER)
    factories.note_password(as_alice, alice)
    answer = as_alice.post(f"{LIST}{key.id}/enable/?{urlencode({'back': back})}")
    assert answer["Location"] == LIST


def test_an_error_page_leaves_a_message_to_the_next_page(as_alice: Client, acme: Team) -> None:
    key, _ = factories.key(acme, "crm")
    as_alice.post(f"{LIST}{key.id}/disable/")
    for lost in ("/t/acme/nothing/", "/nothing/", "/t/globex/keys/", "/operator/"):
        page = as_alice.get(lost)
        assert page.status_code == 404
        assert "crm is disabled" not in page.content.decode()
    assert "crm is disabled" in as_alice.get(LIST).content.decode()
