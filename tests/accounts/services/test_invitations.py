"""Invitations: one recipient, one use, one membership, and never more than the inviter's role."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from accounts import audit
from accounts.audit import trail
from accounts.limits import invitation_limits
from accounts.limits.too_many import TooMany
from accounts.mail import addresses
from accounts.models import AuditEvent, Invitation, LinkToken, Mail, Membership, Role, Team, User
from accounts.services import invitations, members
from accounts.services.invitations import Closed
from tests import factories
from tests.accounts.services.newcomers import NORA, actor, invite, join, refused

pytestmark = pytest.mark.django_db


def test_the_trail_tells_the_whole_story(acme: Team, alice: User) -> None:
    join(invite(acme, alice))
    told = AuditEvent.objects.filter(team_id=acme.id).order_by("-sequence")[:3]
    assert [(event.action, event.actor_name) for event in told] == [
        ("invitation.accept", "nora"),
        ("membership.join", "nora"),
        ("invitation.create", "alice"),
    ]
    assert trail.what(told[1]) == "joined the team"
    assert audit.verify(acme.id) is None
    assert audit.verify(audit.INSTALLATION) is None


def test_the_link_is_256_bits_and_nowhere_in_the_database(
    acme: Team, alice: User, settings: Any
) -> None:
    sent = invite(acme, alice)
    token = sent.link.split("/")[4]
    assert sent.link == f"{settings.PUBLIC_URL}/join/{token}/"
    assert len(token) >= 4 + 43
    assert token.removeprefix("fll_") not in factories.dump()
    assert token not in repr(sent)


def test_it_ends_after_its_term(acme: Team, alice: User, settings: Any) -> None:
    settings.INVITATION_DAYS = 2
    sent = invite(acme, alice)
    left = sent.invitation.expires_at - timezone.now()
    assert timedelta(days=1, hours=23) < left <= timedelta(days=2)
    Invitation.objects.update(
        expires_at=timezone.now(), link_made_at=timezone.now() - timedelta(days=2)
    )
    refused(sent)


def test_a_new_link_kills_the_old_one_and_begins_a_fresh_term(acme: Team, alice: User) -> None:
    old = invite(acme, alice)
    LinkToken.objects.update(expires_at=timezone.now())
    Invitation.objects.update(
        expires_at=timezone.now(), link_made_at=timezone.now() - timedelta(days=7)
    )
    new = invitations.resend(old.invitation, actor(alice))
    assert new.invitation.expires_at > timezone.now() + timedelta(days=6)
    refused(old)
    assert join(new).role == Role.EDITOR


def test_a_withdrawn_one_opens_nothing_and_cannot_come_back(acme: Team, alice: User) -> None:
    sent = invite(acme, alice)
    invitations.withdraw(sent.invitation, actor(alice))
    refused(sent)
    for again in (invitations.resend, invitations.withdraw):
        with pytest.raises(Closed):
            again(sent.invitation, actor(alice))


def test_inviting_an_address_again_renews_its_one_invitation(acme: Team, alice: User) -> None:
    old = invite(acme, alice)
    new = invite(acme, alice, "Nora@EXAMPLE.com", Role.VIEWER)
    assert Invitation.objects.count() == 1
    refused(old)
    assert join(new).role == Role.VIEWER


def test_a_member_is_not_invited_again(acme: Team, alice: User, vera: User) -> None:
    with pytest.raises(invitations.IsMember):
        invite(acme, alice, "VERA@example.com")
    assert not Invitation.objects.exists()


def test_all_addresses_are_invited_or_none(acme: Team, alice: User, vera: User) -> None:
    with pytest.raises(invitations.IsMember):
        invitations.invite(acme, [NORA, vera.email], Role.VIEWER, actor(alice))
    assert not Invitation.objects.exists()
    assert not LinkToken.objects.exists()


@pytest.mark.parametrize(
    ("who", "role", "may"),
    [
        ("alice", Role.OWNER, True),
        ("adam", Role.ADMIN, True),
        ("adam", Role.OWNER, False),
        ("eddie", Role.VIEWER, False),
        ("vera", Role.VIEWER, False),
        ("mallory", Role.VIEWER, False),
    ],
)
@pytest.mark.usefixtures("alice", "adam", "eddie", "vera", "globex")
def test_the_role_is_at_most_the_inviters(acme: Team, who: str, role: Role, may: bool) -> None:
    by = User.objects.get(username=who)
    if may:
        assert invite(acme, by, role=role).invitation.role == role
        return
    before = factories.dump()
    with pytest.raises(PermissionDenied):
        invite(acme, by, role=role)
    assert factories.dump() == before


def test_an_admin_cannot_touch_the_invitation_of_an_owner(
    acme: Team, alice: User, adam: User
) -> None:
    sent = invite(acme, alice, role=Role.OWNER)
    for attempt in (
        lambda: invite(acme, adam, role=Role.VIEWER),
        lambda: invitations.resend(sent.invitation, actor(adam)),
        lambda: invitations.withdraw(sent.invitation, actor(adam)),
    ):
        with pytest.raises(PermissionDenied):
            attempt()
    assert join(sent).role == Role.OWNER


@pytest.mark.parametrize("fate", ["removed", "lowered", "inactive"])
def test_without_the_inviters_right_it_is_dead(
    acme: Team, alice: User, adam: User, fate: str
) -> None:
    sent = invite(acme, adam, role=Role.ADMIN)
    place = Membership.objects.filter(user=adam)
    # Past the services: what they withdraw is tested with the members.
    if fate == "removed":
        place.delete()
    elif fate == "lowered":
        place.update(role=Role.EDITOR)
    else:
        User.objects.filter(pk=adam.pk).update(is_active=False)
    refused(sent)
    assert join(invitations.resend(sent.invitation, actor(alice))).role == Role.ADMIN


def test_someone_removed_and_taken_back_revives_no_link(
    acme: Team, alice: User, adam: User
) -> None:
    sent = invite(acme, adam)
    members.remove(Membership.objects.get(user=adam), actor(alice))
    factories.join(acme, adam, Role.ADMIN)
    refused(sent)


def test_a_suspended_team_takes_nobody_in(acme: Team, alice: User) -> None:
    sent = invite(acme, alice)
    Team.objects.update(suspended_at=timezone.now())
    refused(sent)
    Team.objects.update(suspended_at=None)
    assert join(sent).team == acme


def test_a_mail_is_queued_only_with_a_mail_server_and_only_with_the_invitation(
    acme: Team, alice: User, vera: User, settings: Any
) -> None:
    invite(acme, alice)
    assert not Mail.objects.exists()
    settings.MAIL_SERVER = "smtp.example.com"
    with pytest.raises(invitations.IsMember):
        invitations.invite(acme, ["tom@example.com", vera.email], Role.VIEWER, actor(alice))
    assert not Mail.objects.exists()
    invitations.invite(acme, ["tom@example.com", "jun@example.com"], Role.VIEWER, actor(alice))
    sent_to = Mail.objects.values_list("recipient", flat=True)
    assert sorted(sent_to) == ["jun@example.com", "tom@example.com"]


def test_links_are_counted_per_address_person_and_team(
    acme: Team, alice: User, adam: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(invitation_limits.PER_ADDRESS):
        sent = invite(acme, alice)
    with pytest.raises(TooMany, match="An address") as refused:
        invite(acme, adam)
    assert timedelta(hours=23) < refused.value.wait <= timedelta(days=1)
    with pytest.raises(TooMany, match="An address"):
        invitations.resend(sent.invitation, actor(alice))
    monkeypatch.setattr(invitation_limits, "PER_PERSON", 6)
    invite(acme, alice, "one@example.com")
    with pytest.raises(TooMany, match="You can"):
        invite(acme, alice, "two@example.com")
    monkeypatch.setattr(invitation_limits, "PER_TEAM", 7)
    invite(acme, adam, "two@example.com")
    with pytest.raises(TooMany, match="A team"):
        invite(acme, adam, "three@example.com")
    LinkToken.objects.update(created_at=timezone.now() - timedelta(days=1, seconds=1))
    assert invite(acme, alice)


def test_withdrawing_does_not_reset_the_count(acme: Team, alice: User) -> None:
    for _ in range(invitation_limits.PER_ADDRESS):
        invitations.withdraw(invite(acme, alice).invitation, actor(alice))
    with pytest.raises(TooMany):
        invite(acme, alice)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "nora",
        "@example.com",
        "nora@",
        "a@b@example.com",
        "nora@example.com, tom@example.com",
        "nora@example.com;tom@example.com",
        "nora@example.com tom@example.com",
        "nora@example.com\ntom@example.com",
        "nora@example.com\r\nBcc: tom@example.com",
        "nora@example.com\0",
        "Nora <nora@example.com>",
        "<nora@example.com>",
        '"nora@example.com,tom"@example.com',
        "nora%example.org@example.com",
        "example.org!nora@example.com",
        "nora(tom)@example.com",
        "nora@[192.0.2.1]",
        "n\u043era@example.com",
        "nora@ex\u0430mple.com",
        "nora@example\uff0ecom",
        "nora\u200b@example.com",
        "nor\u0131@example.com",
        "\u017fam@example.com",
        "x" * 250 + "@example.com",
    ],
    ids=ascii,
)
def test_what_is_not_one_plain_address_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        addresses.one(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" nora@example.com ", "nora@example.com"),
        ("Nora.Q@EXAMPLE.com", "Nora.Q@example.com"),
        ("nora+team@xn--bcher-kva.example", "nora+team@xn--bcher-kva.example"),
        ("o'neil@example.com", "o'neil@example.com"),
    ],
)
def test_an_address_is_kept_as_typed_but_for_its_domains_case(text: str, address: str) -> None:
    assert addresses.one(text) == address
    assert addresses.key(addresses.one(text.upper())) == addresses.key(address)


@pytest.mark.parametrize(
    ("left", "words", "tone"),
    [
        (timedelta(days=7), "7 days left", "plain"),
        (timedelta(days=1, hours=1), "1 day left", "look"),
        (timedelta(hours=5), "Ends within a day", "look"),
        (timedelta(minutes=5), "Ends within the hour", "look"),
        (timedelta(0), "Expired", "bad"),
    ],
)
def test_the_badge_says_how_long_it_opens(left: timedelta, words: str, tone: str) -> None:
    invitation = Invitation(expires_at=timezone.now() + left)
    assert (invitation.status_words, invitation.status_tone) == (words, tone)
