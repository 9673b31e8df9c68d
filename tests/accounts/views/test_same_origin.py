"""Changes come from our own pages: by Sec-Fetch-Site, by Origin, and by the token."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Team, User
from tests import factories

pytestmark = pytest.mark.django_db

RENAME = "/t/acme/settings/"
OWN = {"origin": "http://127.0.0.1:8000"}


def rename(browser: Client, headers: dict[str, str]) -> int:
    """Send the form as it stands on its page, with its token."""
    page = browser.get(RENAME)
    form: dict[str, Any] = {
        "name": "Umbrella",
        "version": page.context["form"]["version"].value(),
        "csrfmiddlewaretoken": page.context["csrf_token"],
    }
    status: int = browser.post(
        RENAME, form, headers={"host": "127.0.0.1:8000", **headers}
    ).status_code
    return status


@pytest.fixture
def browser(alice: User, acme: Team) -> Client:
    """Alice's, at a server that checks tokens."""
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = factories.client(alice).cookies
    return strict


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": " same-origin\t"},
        {**OWN, "sec-fetch-site": "same-origin"},
        {**OWN, "sec-fetch-site": "none"},
        OWN,
        {},  # a program, or a browser from before 2020: the token decides
    ],
    ids=str,
)
def test_a_change_from_our_own_page_is_made(
    browser: Client, acme: Team, headers: dict[str, str]
) -> None:
    assert rename(browser, headers) == 302
    acme.refresh_from_db()
    assert acme.name == "Umbrella"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "Same-Origin"},
        {"sec-fetch-site": "same-origin, cross-site"},
        {"sec-fetch-site": "nonsense"},
        {**OWN, "sec-fetch-site": "cross-site"},
        {**OWN, "sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "null", "sec-fetch-site": "same-origin"},
        {"origin": "https://evil.example", "sec-fetch-site": "same-origin"},
        {"origin": "https://evil.example", "sec-fetch-site": "none"},
    ],
    ids=str,
)
def test_a_change_from_elsewhere_is_refused_with_a_good_token(
    browser: Client, acme: Team, headers: dict[str, str]
) -> None:
    assert rename(browser, headers) == 403
    acme.refresh_from_db()
    assert acme.name == "Acme"


def test_over_https_a_change_with_neither_needs_a_referer(browser: Client, acme: Team) -> None:
    page = browser.get(RENAME)
    form = {"name": "Umbrella", "csrfmiddlewaretoken": page.context["csrf_token"]}
    assert browser.post(RENAME, form, secure=True).status_code == 403


@pytest.mark.parametrize("path", ["/login/", "/flow/nobody/login/", "/set-up/", "/join/"])
def test_no_page_takes_a_form_from_another_site(client: Client, path: str) -> None:
    assert client.post(path, headers={"sec-fetch-site": "cross-site"}).status_code == 403


def test_another_site_may_link_to_our_pages(client: Client) -> None:
    for method in ("get", "head"):
        answer = getattr(client, method)("/login/", headers={"sec-fetch-site": "cross-site"})
        assert answer.status_code == 200


def test_the_api_has_nothing_at_its_unknown_addresses_wherever_one_asks_from(
    client: Client,
) -> None:
    answer = client.post("/v1/responses", headers={"sec-fetch-site": "cross-site"})
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (404, "*")


@pytest.mark.parametrize("path", ["/login/", "/nothing/", "/t/acme/", "/flow/nobody/"])
def test_pages_are_for_their_own_origin(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
