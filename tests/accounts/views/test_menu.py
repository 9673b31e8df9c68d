"""One menu on every page of a logged-in person, and a title that says which team the page is of."""

import html
import re
from unittest import mock

import pytest
from django.db import OperationalError
from django.test import Client

from accounts.models import Membership, Role, Team, User
from accounts.services import teams
from config import settings
from tests import factories

pytestmark = pytest.mark.django_db


def menu(page: str) -> dict[str, str]:
    """The entries of the menu, by name."""
    nav = page.partition('<nav class="side"')[2].partition("</nav>")[0]
    links = re.findall(r'<a href="([^"]+)"[^>]*>(.*?)</a>', nav, re.DOTALL)
    return {html.unescape(re.sub(r"<[^>]+>", "", words)).strip(): to for to, words in links}


def title(page: str) -> str:
    return html.unescape(page.partition("<title>")[2].partition("</title>")[0])


@pytest.fixture
def operator(alice: User, as_alice: Client) -> Client:
    User.objects.filter(pk=alice.pk).update(is_operator=True)
    return as_alice


def test_the_title_names_the_team_or_the_installation(acme: Team, operator: Client) -> None:
    titles = {
        "/t/acme/keys/": "API keys · Acme · Flowlatch",
        "/t/acme/mail/": "Mail · Acme · Flowlatch",
        "/operator/mail/": "Mail · Installation · Flowlatch",
        "/operator/audit/": "Audit trail · Installation · Flowlatch",
        "/profile/": "Profile · Flowlatch",
    }
    for path, expected in titles.items():
        assert title(operator.get(path).content.decode()) == expected


def test_every_page_has_the_same_menu_and_no_name_twice(acme: Team, operator: Client) -> None:
    whole = menu(operator.get("/t/acme/keys/").content.decode())
    assert whole["API keys"] == "/t/acme/keys/"
    assert whole["Mail"] == "/t/acme/mail/"
    assert whole["Installation mail"] == "/operator/mail/"
    assert whole["Installation audit"] == "/operator/audit/"
    assert whole["API reference"] == "/api/docs"
    assert whole["Documentation"] == "/docs/"
    for path in ("/operator/teams/", "/operator/audit/", "/profile/", "/profile/password/"):
        assert menu(operator.get(path).content.decode()) == whole, path


def test_outside_a_team_the_menu_is_of_the_team_that_was_used_last(
    acme: Team, globex: Team, alice: User, as_alice: Client
) -> None:
    factories.join(globex, alice, Role.VIEWER)
    as_alice.get("/t/globex/chatflows/")
    in_globex = menu(as_alice.get("/profile/").content.decode())
    assert in_globex["API keys"] == "/t/globex/keys/"
    assert "Audit trail" not in in_globex  # she only views there
    as_alice.get("/t/acme/chatflows/")
    assert menu(as_alice.get("/profile/").content.decode())["Mail"] == "/t/acme/mail/"


def test_the_menu_of_a_team_that_is_gone_or_suspended_is_not_shown(
    acme: Team, alice: User, as_alice: Client
) -> None:
    as_alice.get("/t/acme/chatflows/")
    teams.suspend(acme, factories.TESTER)
    assert "API keys" not in menu(as_alice.get("/profile/").content.decode())
    teams.unsuspend(acme, factories.TESTER)
    Membership.objects.filter(user=alice).delete()
    assert "API keys" not in menu(as_alice.get("/profile/").content.decode())


def test_a_logged_in_person_keeps_the_menu_on_error_pages(
    acme: Team, as_alice: Client, as_vera: Client
) -> None:
    whole = menu(as_alice.get("/t/acme/keys/").content.decode())
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = as_alice.cookies
    faults = {
        404: as_alice.get("/nothing-here"),
        405: as_alice.put("/t/acme/keys/"),
        403: strict.post("/t/acme/keys/new/"),
    }
    for status, answer in faults.items():
        assert answer.status_code == status
        assert menu(answer.content.decode()) == whole, status
    refused = as_vera.get("/t/acme/keys/new/")
    assert (refused.status_code, "API keys" in menu(refused.content.decode())) == (403, True)


def test_nobody_and_a_visitor_see_no_menu(acme: Team, as_alice: Client) -> None:
    for answer in (Client().get("/nothing-here"), as_alice.get("/flow/acme/nothing/")):
        assert answer.status_code == 404
        assert menu(answer.content.decode()) == {}


def test_without_a_database_the_error_page_is_bare(acme: Team, as_alice: Client) -> None:
    gone = mock.Mock(side_effect=OperationalError("gone"))
    with mock.patch("accounts.context._memberships", gone):
        answer = as_alice.get("/nothing-here")
    assert answer.status_code == 404
    assert "There is no door here" in answer.content.decode()
    assert menu(answer.content.decode()) == {}


def test_the_foot_tells_the_version(acme: Team, as_vera: Client) -> None:
    assert f"Version {settings.VERSION}" in as_vera.get("/t/acme/keys/").content.decode()
