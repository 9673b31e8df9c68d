"""Invitations that are sent and accepted."""

import pytest

from accounts.crypto import digests
from accounts.models import Membership, Role, Team, User
from accounts.permissions import Actor
from accounts.services import invitations
from accounts.services.invitations import Closed, Sent
from tests import factories

NORA = "nora@example.com"


def actor(person: User) -> Actor:
    return Actor("person", str(person.pk), person.username, "192.0.2.1")


def invite(team: Team, by: User, address: str = NORA, role: Role = Role.EDITOR) -> Sent:
    (sent,) = invitations.invite(team, [address], role, actor(by))
    return sent


def digest(sent: Sent) -> str:
    """What the session keeps of the link."""
    return digests.link_token_digest(sent.link.split("/")[4])


def join(sent: Sent, name: str = "nora", *, has_mailbox: bool = False) -> Membership:
    return invitations.accept_as_new(
        digest(sent),
        username=name,
        password=factories.PASSWORD,
        has_mailbox=has_mailbox,
        address="192.0.2.9",
    )


def refused(sent: Sent) -> None:
    """The link opens nothing, and trying it changes nothing."""
    before = factories.dump()
    with pytest.raises(Closed):
        join(sent, "nobody")
    assert factories.dump() == before
