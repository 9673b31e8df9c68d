"""Operations on members and invitations."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Invitation, LinkPurpose, Role, Team, User
from accounts.services import invitations, link_tokens
from apikeys.services import keys
from tests import factories
from tests.config.openapi.callers import Caller, caller

pytestmark = [pytest.mark.django_db, pytest.mark.fast]


@pytest.fixture
def robot(acme: Team) -> Caller:
    """A key of acme that invites."""
    return caller(acme, "invitations:create", "members:view")


def test_members_are_listed_and_addresses_shown_to_those_who_invite(
    acme: Team, alice: User, vera: User, robot: Caller
) -> None:
    told = robot("GET", "/members").json()["data"]
    assert [(each["username"], each["role"]) for each in told] == [
        ("alice", "owner"),
        ("vera", "viewer"),
    ]
    assert told[0]["email"] == "alice@example.com"
    plain = caller(acme, "members:view", name="plain")("GET", "/members")
    assert plain.json()["data"][0]["email"] is None
    assert "example.com" not in plain.content.decode()


def test_pages_lead_through_all_members_once(acme: Team, robot: Caller) -> None:
    for number in range(5):
        factories.join(acme, factories.user(f"person{number}"), Role.VIEWER)
    first = robot("GET", "/members?limit=3").json()
    rest = robot("GET", f"/members?limit=3&cursor={first['next_cursor']}").json()
    names = [each["username"] for each in (*first["data"], *rest["data"])]
    assert len(names) == len({*names}) == 5
    assert rest["next_cursor"] is None


def test_a_key_invites_editors_and_viewers_and_nobody_else(acme: Team, robot: Caller) -> None:
    made = robot("POST", "/invitations", {"email": "eve@example.com", "role": "editor"})
    assert made.status_code == 201, made.content
    told = made.json()
    assert (told["email"], told["role"], told["invited_by"]) == (
        "eve@example.com",
        "editor",
        "automation",
    )
    for role in ("admin", "owner", "moon"):
        refused = robot("POST", "/invitations", {"email": "eve@example.com", "role": role})
        assert refused.status_code == 422
    assert [each["id"] for each in robot("GET", "/invitations").json()["data"]] == [told["id"]]


def test_a_link_of_a_key_lets_in_while_the_key_may_invite(acme: Team, robot: Caller) -> None:
    made = robot("POST", "/invitations", {"email": "eve@example.com"}).json()
    link = made["url"]
    assert link is not None  # no mail server is set
    token = link.rstrip("/").rpartition("/")[2]
    digest = link_tokens.digest_if_usable(LinkPurpose.INVITATION, token)
    assert digest is not None
    invitation = Invitation.objects.get()
    assert invitations.opens(digest, invitation)
    page = Client().get(link.removeprefix("http://127.0.0.1:8000"), follow=True)
    assert "automation invited" in page.content.decode()
    assert robot.key is not None
    keys.disable(robot.key, factories.TESTER)
    assert not invitations.opens(digest, invitation)
    keys.enable(robot.key, factories.TESTER)
    keys.delete(robot.key, factories.TESTER)
    assert not invitations.opens(digest, invitation)


def test_a_repeated_invitation_sends_one_link(robot: Caller) -> None:
    head = {"Idempotency-Key": "eve"}
    first = robot("POST", "/invitations", {"email": "eve@example.com"}, **head)
    second = robot("POST", "/invitations", {"email": "eve@example.com"}, **head)
    assert second.json()["id"] == first.json()["id"]
    assert "url" not in second.json()


@pytest.mark.parametrize("email", ["", "eve", "a@b@c", "eve@example.com, bob@example.com"])
def test_an_address_is_one_address(robot: Caller, email: str) -> None:
    answer = robot("POST", "/invitations", {"email": email})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "email")


def test_a_member_is_not_invited_again(alice: User, robot: Caller) -> None:
    assert robot("POST", "/invitations", {"email": alice.email}).status_code == 409


def test_links_are_counted_for_keys_as_for_people(robot: Caller) -> None:
    answers = [
        robot("POST", "/invitations", {"email": "eve@example.com"}).status_code for _ in range(6)
    ]
    assert answers == [201] * 5 + [429]


def test_an_invitation_is_renewed_and_withdrawn(acme: Team, robot: Caller) -> None:
    made = robot("POST", "/invitations", {"email": "eve@example.com"}).json()
    again = robot("POST", f"/invitations/{made['id']}/resend")
    assert (again.status_code, again.json()["id"]) == (200, made["id"])
    assert again.json()["url"] != made["url"]
    assert robot("DELETE", f"/invitations/{made['id']}").status_code == 204
    assert robot("DELETE", f"/invitations/{made['id']}").status_code == 409


def test_a_key_does_not_touch_the_invitation_of_an_admin(
    acme: Team, robot: Caller, by_alice: Any
) -> None:
    (sent,) = invitations.invite(acme, ["ada@example.com"], Role.ADMIN, by_alice)
    assert robot("DELETE", f"/invitations/{sent.invitation.id}").status_code == 403
    assert robot("POST", f"/invitations/{sent.invitation.id}/resend").status_code == 403
    assert robot("POST", "/invitations", {"email": "ada@example.com"}).status_code == 403
