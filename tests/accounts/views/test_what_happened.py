"""A suspended team, a used invitation and a disabled account say what happened."""

from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Invitation, Membership, Role, Team, User
from accounts.services import invitations, service_accounts, teams, users
from accounts.services.service_accounts import About
from apikeys.models import ApiKey
from apikeys.services import keys
from tests import factories
from tests.factories import TESTER

pytestmark = [pytest.mark.django_db, pytest.mark.fast]

PAGES = ("/t/acme/keys/", "/t/acme/members/", "/t/acme/settings/", "/t/acme/audit/")


@pytest.mark.parametrize("path", PAGES)
def test_members_of_a_suspended_team_read_what_happened(
    as_alice: Client, as_mallory: Client, acme: Team, path: str
) -> None:
    teams.suspend(acme, TESTER)
    answer = as_alice.get(path)
    body = answer.content.decode()
    assert answer.status_code == 403
    assert "Acme is suspended" in body
    assert "Ask whoever runs this server." in body
    assert "DefaultKey" not in body
    assert as_mallory.get(path).status_code == 404
    before = factories.state()
    assert as_alice.post(path, {"name": "Other"}).status_code == 403
    assert factories.state() == before


def test_a_suspended_team_stands_in_the_menu_marked(
    as_alice: Client, acme: Team, globex: Team, alice: User
) -> None:
    factories.join(globex, alice, Role.VIEWER)
    teams.suspend(acme, TESTER)
    for path in ("/t/globex/keys/", "/profile/"):
        body = as_alice.get(path).content.decode()
        assert "/t/acme/" in body
        assert "Suspended</span>" in body


def test_who_has_no_other_team_is_told(as_alice: Client, acme: Team) -> None:
    teams.suspend(acme, TESTER)
    body = as_alice.get("/", follow=True).content.decode()
    assert "Your team is suspended" in body
    assert "You are in no team" not in body


def test_suspending_asks_first_and_can_be_undone(client: Client, acme: Team, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_operator=True)
    client.force_login(alice)
    path = f"/operator/teams/{acme.id}/suspend/"
    asked = client.get(path).content.decode()
    assert "Suspend Acme?" in asked
    acme.refresh_from_db()
    assert acme.suspended_at is None
    told = client.post(path, {}, follow=True).content.decode()
    assert f"/operator/teams/{acme.id}/unsuspend/" in told
    assert "Undo" in told
    client.post(f"/operator/teams/{acme.id}/unsuspend/", {})
    acme.refresh_from_db()
    assert acme.suspended_at is None


def test_a_disabled_account_can_be_undone(as_alice: Client, acme: Team) -> None:
    account = service_accounts.create(acme, About("Sync", "production"), TESTER)
    path = f"/t/acme/service-accounts/{account.id}/"
    told = as_alice.post(path + "disable/", {}, follow=True).content.decode()
    assert f'action="{path}enable/"' in told
    assert "Undo" in told


@pytest.fixture
def link(acme: Team, alice: User) -> str:
    by = users.actor(alice, "192.0.2.1")
    (sent,) = invitations.invite(acme, ["tom@example.com"], Role.VIEWER, by)
    return sent.link.partition("/join/")[2]


def join(link: str) -> Client:
    browser = Client()
    browser.get(f"/join/{link}")
    answer = browser.post("/join/", {"username": "tom", "password": "seven quiet lanterns at dusk"})
    assert answer.status_code == 302, answer.content
    return browser


def read(browser: Client, link: str) -> str:
    return browser.get(f"/join/{link}", follow=True).content.decode()


def test_a_member_who_opens_the_used_link_goes_in(link: str) -> None:
    browser = join(link)
    answer = browser.get(f"/join/{link}", follow=True)
    assert answer.status_code == 200
    assert "You are in Acme already." in answer.content.decode()
    Membership.objects.filter(user__username="tom").delete()
    assert "This invitation was used" in read(browser, link)


def test_each_closed_link_says_what_happened(link: str, acme: Team, alice: User) -> None:
    by = users.actor(alice, "192.0.2.1")
    invitation = Invitation.objects.get()
    now = timezone.now()
    Invitation.objects.update(link_made_at=now - timedelta(days=9), expires_at=now)
    assert "has expired" in read(Client(), link)
    newer = invitations.resend(invitation, by)
    assert "A newer link took the place of this one" in read(Client(), link)
    invitations.withdraw(invitation, by)
    assert "was withdrawn" in read(Client(), newer.link.partition("/join/")[2])


def test_a_used_link_leads_its_person_to_the_login(link: str) -> None:
    join(link)
    body = read(Client(), link)
    assert "This invitation was used" in body
    assert 'href="/login/"' in body


def test_many_disabled_keys_work_again_with_one_click(
    as_alice: Client, acme: Team, globex: Team
) -> None:
    made = [factories.key(acme, name)[0] for name in ("one", "two", "off before")]
    foreign, _ = factories.key(globex, "foreign")
    keys.disable(made[2], TESTER)
    keys.disable(foreign, TESTER)
    chosen = {"key": [str(key.id) for key in (*made, foreign)]}
    told = as_alice.post("/t/acme/keys/disable/", chosen, follow=True).content.decode()
    undo = unescape(told.partition(' action="/t/acme/keys/enable/')[2].partition('"')[0])
    assert undo.count("key=") == 2
    as_alice.post(f"/t/acme/keys/enable/{undo}&key={foreign.id}", {})
    states = {key.name: key.disabled_at is None for key in ApiKey.objects.all()}
    assert (states["one"], states["two"], states["off before"]) == (True, True, False)
    assert states["foreign"] is False
