"""A clock that is set back, or forward and back: nobody is locked out, and nothing stands still."""

import time
from datetime import datetime, timedelta

import pytest
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from accounts.limits import lock_outs
from accounts.limits.lock_outs import Attempt, Kind
from accounts.limits.too_many import TooMany
from accounts.login import fresh_logins
from accounts.mail import sender
from accounts.models import LockOut, Mail, Role, Session, Team, User
from accounts.permissions import Actor
from accounts.services import invitations, password_resets, sessions
from accounts.worker import leases
from tests import factories

pytestmark = pytest.mark.django_db

HERE = "192.0.2.7"
WRONG = "wrong password here"
BACK = [timedelta(minutes=20), timedelta(days=2)]


class Clock:
    """The time of day, for Django and the standard library; it can be set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ahead = timedelta()
        now, seconds = timezone.now, time.time
        monkeypatch.setattr(timezone, "now", lambda: now() + self._ahead)
        monkeypatch.setattr(time, "time", lambda: seconds() + self._ahead.total_seconds())

    def put(self, span: timedelta) -> None:
        """Set it forward, or back by a negative span."""
        self._ahead += span


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def log_in(password: str, browser: Client | None = None) -> int:
    fields = {"login": "alice", "password": password}
    return (browser or Client()).post("/login/", fields, REMOTE_ADDR=HERE).status_code


@pytest.mark.parametrize("back", BACK)
def test_after_a_right_login_everyone_of_the_network_can_log_in(
    alice: User, clock: Clock, back: timedelta
) -> None:
    assert log_in(factories.PASSWORD) == 302
    clock.put(-back)
    assert log_in(WRONG) == 422
    assert log_in(factories.PASSWORD) == 302


@pytest.mark.parametrize("back", BACK)
def test_a_lock_out_lasts_no_longer_than_it_would_from_now(
    alice: User, clock: Clock, back: timedelta
) -> None:
    for _ in range(10):
        assert log_in(WRONG) == 422
    clock.put(-back)
    assert log_in(factories.PASSWORD) == 429, "the failures are not forgotten"
    clock.put(timedelta(minutes=14))
    assert log_in(factories.PASSWORD) == 429
    clock.put(timedelta(minutes=2))
    assert log_in(factories.PASSWORD) == 302


@pytest.mark.parametrize("back", BACK)
def test_a_full_network_is_free_again_as_evenly(clock: Clock, back: timedelta) -> None:
    for n in range(lock_outs.NETWORK_LIMIT):
        lock_outs.begin(Attempt(Kind.LOGIN, f"person{n}", HERE))
    clock.put(-back)
    with pytest.raises(TooMany) as error:
        lock_outs.begin(Attempt(Kind.LOGIN, "one-more", HERE))
    assert error.value.wait <= lock_outs.WINDOW / lock_outs.NETWORK_LIMIT
    clock.put(lock_outs.WINDOW / lock_outs.NETWORK_LIMIT)
    lock_outs.begin(Attempt(Kind.LOGIN, "one-more", HERE))


def test_a_clock_that_was_ahead_for_a_while_leaves_nothing_behind(
    alice: User, clock: Clock
) -> None:
    clock.put(timedelta(days=2))
    for _ in range(12):
        log_in(WRONG)
    clock.put(-timedelta(days=2))
    assert log_in(factories.PASSWORD) == 429
    clock.put(timedelta(minutes=16))
    assert log_in(factories.PASSWORD) == 302
    assert not LockOut.objects.filter(last_failed_at__gt=timezone.now()).exists()


@pytest.mark.parametrize("back", BACK)
def test_links_from_the_future_use_up_no_limit(
    acme: Team, by_alice: Actor, alice: User, clock: Clock, back: timedelta
) -> None:
    invitation = invitations.invite(acme, ["eve@example.com"], Role.VIEWER, by_alice)[0].invitation
    for _ in range(4):
        invitations.resend(invitation, by_alice)
    with pytest.raises(TooMany):
        invitations.resend(invitation, by_alice)
    clock.put(-back)
    invitations.resend(invitation, by_alice)


@pytest.mark.parametrize("back", BACK)
def test_reset_links_from_the_future_use_up_no_limit(
    alice: User, clock: Clock, back: timedelta
) -> None:
    for _ in range(password_resets.MAX_LINKS):
        password_resets.new_link("alice", factories.TESTER)
    assert password_resets._has_enough_links(alice)
    clock.put(-back)
    assert not password_resets._has_enough_links(alice)


@pytest.mark.parametrize("back", BACK)
def test_a_fresh_login_does_not_stay_fresh_and_can_be_renewed(
    alice: User, clock: Clock, back: timedelta
) -> None:
    browser = Client()
    assert log_in(factories.PASSWORD, browser) == 302

    def is_fresh() -> bool:
        request = HttpRequest()
        request.session, request.user = browser.session, alice
        return fresh_logins.is_fresh(request)

    assert is_fresh()
    clock.put(-back)
    assert not is_fresh()
    confirmed = browser.post("/reauthenticate/", {"password": factories.PASSWORD})
    assert confirmed.status_code == 302
    assert is_fresh()
    clock.put(timedelta(minutes=11))
    assert not is_fresh()


@pytest.mark.parametrize("back", BACK)
def test_the_use_of_a_session_is_noted_again(alice: User, clock: Clock, back: timedelta) -> None:
    browser = Client()
    log_in(factories.PASSWORD, browser)
    browser.get("/profile/", REMOTE_ADDR=HERE)
    clock.put(-back)
    assert browser.get("/profile/", REMOTE_ADDR="198.51.100.4").status_code == 200
    assert [each.address for each in sessions.of(alice)] == ["198.51.100.4"]
    assert not Session.objects.filter(last_used_at__gt=timezone.now()).exists()


@pytest.mark.parametrize("back", BACK)
def test_the_lease_of_a_dead_process_is_free(clock: Clock, back: timedelta) -> None:
    def take(holder: str) -> bool:
        now: datetime = timezone.now()
        return leases.take("worker", holder, timedelta(seconds=30), now)

    assert take("one")
    clock.put(-back)
    assert take("two")
    assert not take("one")
    clock.put(timedelta(seconds=31))
    assert take("one")


def test_a_waiting_mail_is_sent(clock: Clock) -> None:
    mail = factories.mail(None)
    clock.put(-timedelta(days=2))
    assert list(Mail.objects.due(timezone.now())) == [mail]
    assert sender._claim(mail)
    assert not Mail.objects.due(timezone.now()).exists(), "claimed, so nobody else sends it"
