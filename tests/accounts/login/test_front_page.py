"""The front page: it leads everyone to their place."""

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Role, Team, User
from accounts.services import teams
from tests import factories
from tests.accounts.login.browsers import LOGIN, enter

pytestmark = pytest.mark.django_db


def test_the_front_page_leads_everyone_to_their_place(client: Client, alice: User) -> None:
    assert client.get("/")["Location"] == LOGIN
    enter(client, "alice")
    assert client.get("/")["Location"] == "/t/acme/chatflows/"


def test_the_front_page_leads_to_the_team_that_was_used_last(
    client: Client, alice: User, acme: Team
) -> None:
    teams.add_owner(factories.team("Labs"), alice, factories.TESTER)
    enter(client, "alice")
    client.get("/t/labs/members/")
    assert client.get("/")["Location"] == "/t/labs/chatflows/"
    client.get("/t/acme/members/")
    assert client.get("/")["Location"] == "/t/acme/chatflows/"
    anew = Client()
    enter(anew, "alice")
    assert anew.get("/")["Location"] == "/t/acme/chatflows/"


def test_of_several_teams_and_none_used_the_front_page_lets_choose(
    client: Client, alice: User, globex: Team
) -> None:
    teams.add_owner(factories.team("Labs"), alice, factories.TESTER)
    enter(client, "alice")
    body = client.get("/").content.decode()
    assert "/t/acme/chatflows/" in body
    assert "/t/labs/chatflows/" in body
    assert "globex" not in body


def test_the_front_page_never_leads_to_a_team_that_one_has_left(
    client: Client, alice: User, globex: Team
) -> None:
    User.objects.filter(pk=alice.pk).update(last_team=globex)
    enter(client, "alice")
    assert client.get("/")["Location"] == "/t/acme/chatflows/"


def test_a_refused_page_is_no_use_of_a_team(client: Client, alice: User, globex: Team) -> None:
    factories.join(globex, alice, Role.VIEWER)
    enter(client, "alice")
    assert client.get("/t/globex/audit/").status_code == 403
    alice.refresh_from_db()
    assert alice.last_team is None


def test_an_operator_without_a_team_lands_among_all_teams(client: Client, alice: User) -> None:
    olga = factories.user("olga")
    User.objects.filter(pk=olga.pk).update(is_operator=True)
    enter(client, "olga")
    assert client.get("/")["Location"] == "/operator/teams/"


def test_the_front_page_leads_past_a_suspended_team(as_alice: Client, acme: Team) -> None:
    Team.objects.filter(pk=acme.pk).update(suspended_at=timezone.now())
    response = as_alice.get("/")
    assert response.status_code == 200


def test_a_deleted_team_leads_to_the_choice_of_the_others(
    as_alice: Client, alice: User, acme: Team
) -> None:
    for name in ("Labs", "Works"):
        teams.add_owner(factories.team(name), alice, factories.TESTER)
    assert as_alice.get("/")["Location"] == "/t/acme/chatflows/"
    teams.delete(acme, factories.TESTER)
    assert as_alice.get("/t/acme/keys/").status_code == 404
    assert as_alice.post("/t/acme/keys/new/", {"name": "late"}).status_code == 404
    assert as_alice.get("/t/acme/keys/", headers={"HX-Request": "true"}).status_code == 404
    body = as_alice.get("/").content.decode()
    assert "Which team?" in body
    assert ("/t/labs/chatflows/" in body, "/t/acme/" in body) == (True, False)
    assert as_alice.get("/t/labs/chatflows/").status_code == 200
    assert as_alice.get("/")["Location"] == "/t/labs/chatflows/"


def test_someone_whose_only_team_is_deleted_is_told_so(as_alice: Client, acme: Team) -> None:
    teams.delete(acme, factories.TESTER)
    response = as_alice.get("/")
    assert (response.status_code, "You are in no team" in response.content.decode()) == (200, True)
    assert as_alice.get("/profile/").status_code == 200


def test_a_person_without_a_team_is_told_so(client: Client, alice: User) -> None:
    factories.user("newcomer")
    enter(client, "newcomer")
    response = client.get("/")
    assert response.status_code == 200
    assert b"Acme" not in response.content


def test_while_there_is_no_owner_the_front_page_says_so(client: Client, acme: Team) -> None:
    response = client.get("/")
    assert response.status_code == 200
    assert b"Acme" not in response.content
