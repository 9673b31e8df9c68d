"""Join a team by an invitation."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from accounts.models import Membership, Role, Team, User
from accounts.services import invitations
from accounts.services.invitations import Closed
from tests import factories
from tests.accounts.services.newcomers import NORA, digest, invite, join, refused

pytestmark = pytest.mark.django_db


def test_a_new_person_joins_with_the_role_and_the_address_of_the_invitation(
    acme: Team, alice: User
) -> None:
    sent = invite(acme, alice)
    membership = join(sent)
    assert (membership.team, membership.role) == (acme, Role.EDITOR)
    assert membership.user.email == NORA
    assert membership.user.check_password(factories.PASSWORD)
    assert membership.user.is_operator is False
    refused(sent)


def test_an_account_of_the_address_joins_and_keeps_its_password(
    acme: Team, alice: User, mallory: User
) -> None:
    sent = invite(acme, alice, "Mallory@example.com")
    found = invitations.accept_as(digest(sent), mallory, has_mailbox=False, address="")
    assert (found.user, found.role) == (mallory, Role.EDITOR)
    refused(sent)


def test_an_account_of_another_address_does_not(acme: Team, alice: User, mallory: User) -> None:
    sent = invite(acme, alice)
    with pytest.raises(invitations.OfAnother):
        invitations.accept_as(digest(sent), mallory, has_mailbox=True, address="")
    assert not Membership.objects.filter(user=mallory).exists()
    assert join(sent)


def test_someone_who_came_in_another_way_keeps_the_role(
    acme: Team, alice: User, mallory: User
) -> None:
    sent = invite(acme, alice, mallory.email, Role.ADMIN)
    factories.join(acme, mallory, Role.VIEWER)
    found = invitations.accept_as(digest(sent), mallory, has_mailbox=False, address="")
    assert found.role == Role.VIEWER
    assert Membership.objects.filter(user=mallory).count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"username": "alice"},
        {"username": "A B"},
        {"password": "short"},
        {"password": "lanternworks1"},
        {"username": "lamplight", "password": "lamplight-77"},
    ],
    ids=str,
)
def test_what_the_rules_refuse_leaves_the_link_good(
    acme: Team, alice: User, change: dict[str, str]
) -> None:
    Team.objects.update(name="Lanternworks")
    sent = invite(acme, alice)
    good = {"username": "nora", "password": factories.PASSWORD}
    before = factories.dump()
    with pytest.raises(ValidationError):
        invitations.accept_as_new(digest(sent), has_mailbox=False, address="", **{**good, **change})
    assert factories.dump() == before
    assert join(sent)


def test_nobody_waits_while_a_newcomers_password_is_hashed(
    acme: Team, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    Team.objects.update(name="Lanternworks")
    sent, outside = invite(acme, alice), len(connection.atomic_blocks)
    depths: list[int] = []
    set_password = User.set_password

    def noted(user: User, password: str | None) -> None:
        depths.append(len(connection.atomic_blocks))
        set_password(user, password)

    monkeypatch.setattr(User, "set_password", noted)
    with pytest.raises(ValidationError):
        # The team's name: what the rules refuse costs no hash.
        invitations.accept_as_new(
            digest(sent), username="nora", password="lanternworks1", has_mailbox=False, address=""
        )
    join(sent)
    assert depths == [outside]


@pytest.mark.parametrize("text", ["", "null", "None", "0", "x" * 64, "\0"])
def test_a_digest_that_never_was_opens_nothing(acme: Team, alice: User, text: str) -> None:
    invite(acme, alice)
    assert invitations.find(text.replace("\0", "")) is None
    with pytest.raises(Closed):
        invitations.accept_as(text.replace("\0", ""), alice, has_mailbox=True, address="")


def test_only_the_mail_proves_the_mailbox(acme: Team, alice: User, settings: Any) -> None:
    copied = invite(acme, alice)
    assert copied.invitation.is_mailed is False
    assert join(copied, has_mailbox=True).user.email_verified_at is None
    settings.MAIL_SERVER = "smtp.example.com"
    mailed = invite(acme, alice, "tom@example.com")
    assert mailed.invitation.is_mailed is True
    assert join(mailed, "tom", has_mailbox=True).user.email_verified_at is not None
    handed_over = invite(acme, alice, "jun@example.com")
    assert join(handed_over, "jun").user.email_verified_at is None
