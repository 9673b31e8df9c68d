"""An address without its last slash leads on; nothing leads to another host."""

from urllib.parse import unquote

import pytest
from django.test import Client

from accounts.models import Team, User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("asked", "led_to"),
    [
        ("/t/acme/keys", "/t/acme/keys/"),
        ("/t/acme/keys?q=a%20b&show=disabled", "/t/acme/keys/?q=a%20b&show=disabled"),
        ("/t/acme", "/t/acme/"),
        ("/t/nobodys/keys", "/t/nobodys/keys/"),
        ("/profile", "/profile/"),
        ("/operator", "/operator/"),
        ("/flow/acme", "/flow/acme/"),
        # What is not ASCII, or ends a line, stays encoded.
        ("/join/a%0d%0aSet-Cookie:%20a", "/join/a%0D%0ASet-Cookie:%20a/"),
    ],
)
def test_an_address_without_its_last_slash_leads_on(asked: str, led_to: str) -> None:
    for answer in (Client().get(asked), Client().head(asked)):
        assert (answer.status_code, answer["Location"]) == (301, led_to)
        assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        *("/nothing", "/t", "/t/acme/nothing", "/t/acme/keys/nothing"),
        *("//evil.example", "///evil.example", "//evil.example/t/acme/keys", "/%2Fevil.example"),
        *("/%5Cevil.example", "/%5C%5Cevil.example/profile", "/\\evil.example", "/https:evil"),
        *("/api/v1/teams", "/api/v1/apikey/x", "/api/docs/x", "/API/v1/x", "/v1/models/x/y"),
    ],
)
def test_nothing_else_leads_anywhere(path: str) -> None:
    # The path as the server hands it on: the client would take `//evil.example` for a host.
    answer = Client().get("/", PATH_INFO=unquote(path))
    assert "Location" not in answer.headers
    assert answer.status_code in (401, 404)


def test_what_a_form_carries_is_not_led_on(acme: Team, as_alice: Client) -> None:
    answer = as_alice.post("/t/acme/keys/new", {"name": "Bot"})
    assert answer.status_code == 404
    assert "Location" not in answer.headers


def test_the_bare_address_of_a_team_leads_its_members_to_its_first_page(
    acme: Team, as_vera: Client, as_mallory: Client
) -> None:
    assert as_vera.get("/t/acme/")["Location"] == "/t/acme/chatflows/"
    assert as_mallory.get("/t/acme/").status_code == 404
    assert Client().get("/t/acme/")["Location"] == "/login/?next=/t/acme/"


def test_the_bare_address_of_the_installation_leads_operators_to_the_teams(
    acme: Team, alice: User, as_alice: Client
) -> None:
    assert as_alice.get("/operator/").status_code == 404
    User.objects.filter(pk=alice.pk).update(is_operator=True)
    assert as_alice.get("/operator/")["Location"] == "/operator/teams/"


def test_browsers_get_an_icon_and_robots_a_word() -> None:
    assert Client().get("/favicon.ico")["Location"].endswith("/img/favicon.ico")
    answer = Client().get("/robots.txt")
    assert (answer.status_code, answer.content) == (200, b"User-agent: *\nDisallow: /\n")
