"""A link that is opened in a session that somebody else planted lets nobody else in."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import LinkPurpose, Role, Session, Team, User
from accounts.services import invitations, link_tokens, users

pytestmark = [pytest.mark.django_db, pytest.mark.fast]

HOUR = timedelta(hours=1)


def planted() -> tuple[Client, Client]:
    """The browser of a stranger, and that of somebody who got the stranger's cookie."""
    stranger, victim = Client(), Client()
    session = stranger.session
    session["planted"] = True
    session.save()
    name = settings.SESSION_COOKIE_NAME
    victim.cookies[name] = stranger.cookies[name].value
    return stranger, victim


@pytest.mark.parametrize(
    ("purpose", "path"),
    [
        (LinkPurpose.SET_UP, "set-up"),
        (LinkPurpose.PASSWORD_RESET, "password-reset"),
        (LinkPurpose.EMAIL, "new-email"),
        (LinkPurpose.KEY_CONTACT, "key-contact"),
        (LinkPurpose.KEY_UNDO, "key-undo"),
    ],
)
def test_nobody_waits_in_a_session_that_they_planted(purpose: LinkPurpose, path: str) -> None:
    stranger, victim = planted()
    token = link_tokens.issue(purpose, HOUR, bound_to="1")
    answer = victim.get(f"/{path}/{token}/")
    assert answer["Location"] == f"/{path}/"
    name = settings.SESSION_COOKIE_NAME
    assert victim.cookies[name].value != stranger.cookies[name].value
    assert [*stranger.session.keys()] == []
    assert token not in str([session.get_decoded() for session in Session.objects.all()])


def test_nor_for_an_invitation(acme: Team, alice: User) -> None:
    stranger, victim = planted()
    by = users.actor(alice, "192.0.2.1")
    (sent,) = invitations.invite(acme, ["tom@example.com"], Role.VIEWER, by)
    victim.get(f"/join/{sent.link.partition('/join/')[2]}")
    assert victim.get("/join/").status_code == 200
    assert stranger.get("/join/").status_code == 410
