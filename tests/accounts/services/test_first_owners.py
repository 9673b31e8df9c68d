"""First owners: an operator invites one, vouches as an operator, and never for a team with one."""

import re
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from accounts import audit
from accounts.crypto import digests
from accounts.models import AuditEvent, Invitation, Mail, Membership, Role, Team, User
from accounts.permissions import Actor
from accounts.services import invitations, users
from apikeys.models import ApiKey
from tests import factories

pytestmark = pytest.mark.django_db

NEW = "/operator/teams/new/"
GIVEN = {"name": "Initech", "owner": "Nora@Example.com"}


@pytest.fixture
def olga(db: None) -> User:
    """An operator who is in no team."""
    made = factories.user("olga")
    users.set_operator(made, True, factories.TESTER)
    return made


@pytest.fixture
def as_olga(olga: User) -> Client:
    return factories.client(olga, is_fresh=True)


def link_in(response: Any) -> str:
    (link,) = set(re.findall(r"/join/[^/<\"]+/", response.content.decode()))
    return str(link)


def join(link: str) -> Any:
    browser = Client()
    browser.get(link)
    given = {"username": "nora", "password": factories.PASSWORD}
    return browser.post("/join/", given)


def page(team: Team) -> str:
    return f"/operator/teams/{team.pk}/owner/"


def test_an_unknown_address_is_invited_and_owns_the_team_by_joining(as_olga: Client) -> None:
    response = as_olga.post(NEW, GIVEN)
    assert response.status_code == 200
    assert b"No mail was sent" in response.content
    team = Team.objects.get(name="Initech")
    assert not team.memberships.exists()
    assert ApiKey.objects.of(team).get().secret is None
    assert "Waits for its first owner" in as_olga.get("/operator/teams/").content.decode()
    assert as_olga.get(f"/t/{team.slug}/members/").status_code == 404
    link = link_in(response)
    assert link.split("/")[2] not in factories.dump()
    assert b"olga invited" in Client().get(link, follow=True).content
    assert join(link)["Location"] == f"/t/{team.slug}/chatflows/"
    nora = Membership.objects.get(team=team)
    assert (nora.role, nora.user.email) == (Role.OWNER, "Nora@example.com")
    assert nora.user.is_operator is False
    assert join(link).status_code == 410
    told = AuditEvent.objects.filter(team_id=team.id).values_list("action", flat=True)
    assert {"invitation.create", "invitation.accept", "membership.join"} <= set(told)
    assert audit.verify(team.id) is None
    assert audit.verify(audit.INSTALLATION) is None


def test_with_a_mail_server_the_owner_is_sent_the_link(as_olga: Client, settings: Any) -> None:
    settings.MAIL_SERVER = {"EMAIL_HOST": "mail.invalid"}
    assert b"1 mail is on the way" in as_olga.post(NEW, GIVEN).content
    assert Mail.objects.get().recipient == "Nora@example.com"


def test_the_link_is_dead_once_its_maker_is_no_operator(as_olga: Client, olga: User) -> None:
    link = link_in(as_olga.post(NEW, GIVEN))
    users.set_operator(olga, False, factories.TESTER)
    assert join(link).status_code == 410
    assert not Membership.objects.exists()
    users.set_operator(olga, True, factories.TESTER)
    User.objects.filter(pk=olga.pk).update(is_active=False)
    assert join(link).status_code == 410


def test_a_new_link_closes_the_one_before_whoever_it_was_for(as_olga: Client) -> None:
    first = link_in(as_olga.post(NEW, GIVEN))
    team = Team.objects.get()
    second = link_in(as_olga.post(page(team), {"email": "peter@example.com"}))
    assert join(first).status_code == 410
    assert join(second).status_code == 302
    assert Membership.objects.get().user.email == "peter@example.com"


def test_no_operator_makes_an_owner_of_a_team_that_has_one(
    as_olga: Client, olga: User, alice: User, acme: Team
) -> None:
    before = factories.dump()
    response = as_olga.post(page(acme), {"email": "olga@example.com"})
    assert response.status_code == 422
    assert b"has an owner" in response.content
    assert factories.dump() == before


def test_a_link_that_waited_is_dead_once_the_team_has_an_owner(
    as_olga: Client, alice: User
) -> None:
    link = link_in(as_olga.post(NEW, GIVEN))
    factories.join(Team.objects.get(name="Initech"), alice, Role.OWNER)
    assert join(link).status_code == 410


def test_only_an_operator_can_vouch_for_a_first_owner(acme: Team, mallory: User) -> None:
    by = Actor("person", str(mallory.pk), mallory.username)
    with pytest.raises(PermissionDenied):
        invitations.invite_first_owner(acme, "nora@example.com", by)
    assert factories.client(mallory).get(page(acme)).status_code == 404
    assert not Invitation.objects.exists()


@pytest.mark.parametrize(
    "owner",
    ["a@example.com,b@example.com", "a@example.com\nb@example.com", "@", "nora@exämple.com"],
)
def test_an_owner_who_is_no_one_address_is_refused(as_olga: Client, owner: str) -> None:
    before = factories.dump()
    assert as_olga.post(NEW, {"name": "Initech", "owner": owner}).status_code == 422
    assert factories.dump() == before


def test_who_cannot_log_in_is_no_first_owner(as_olga: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    for owner in ("alice", "alice@example.com"):
        assert as_olga.post(NEW, {"name": "Initech", "owner": owner}).status_code == 422


def test_the_digest_of_a_link_is_no_link(as_olga: Client) -> None:
    token = link_in(as_olga.post(NEW, GIVEN)).split("/")[2]
    assert join(f"/join/{digests.link_token_digest(token)}/").status_code == 410
