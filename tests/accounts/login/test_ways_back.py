"""A form that met a login on its way: the person goes on where the form stands."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from accounts.models import Team, User
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
