"""A flood of visitors at the flow app's login: the members' login beside it goes on."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import connections
from django.test import Client

from accounts.login import hashers
from accounts.models import Team, User
from chatflows.flow_app import flow_apps
from chatflows.flow_app.flow_apps import Login
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

VISITORS = 6
PATIENCE = 20  # seconds
PASSWORD = "seven quiet lanterns"


class Slow:
    """argon2 that takes as long as the test wants it to, for visitors."""

    def __init__(self, verify: Callable[..., bool]) -> None:
        self._verify = verify
        self._lock = Lock()
        self._inside = 0
        self.most_at_once = 0
        self.begun, self.let_go = Event(), Event()

    def verify(self, hasher: Any, password: str, encoded: str) -> bool:
        """Django's own, at last."""
        if password == PASSWORD:
            with self._lock:
                self._inside += 1
                self.most_at_once = max(self.most_at_once, self._inside)
            self.begun.set()
            self.let_go.wait(PATIENCE)
            with self._lock:
                self._inside -= 1
        return self._verify(hasher, password, encoded)


@pytest.fixture
def argon2(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    settings.PASSWORD_HASHERS = ["accounts.login.hashers.Argon2Hasher"]
    slow = Slow(Argon2PasswordHasher.verify)

    def verify(hasher: Argon2PasswordHasher, password: str, encoded: str) -> bool:
        return slow.verify(hasher, password, encoded)

    monkeypatch.setattr(Argon2PasswordHasher, "verify", verify)
    yield slow
    slow.let_go.set()


def visit(number: int) -> int:
    """A login from a network of its own, so that no lock-out bounds it."""
    try:
        browser = Client(REMOTE_ADDR=f"198.51.{number}.1", raise_request_exception=False)
        form = {"username": "guests", "password": PASSWORD}
        return browser.post("/flow/acme/login/", form).status_code
    finally:
        connections.close_all()


def test_a_member_comes_in_while_visitors_queue_for_their_hash(
    argon2: Slow, acme: Team, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashers, "WAIT_FOR_TURN", PATIENCE)
    flow_apps.save(acme, "password", Login("guests", PASSWORD), factories.TESTER)
    with ThreadPoolExecutor(VISITORS) as pool:
        waiting = [pool.submit(visit, number) for number in range(VISITORS)]
        assert argon2.begun.wait(PATIENCE)
        member = Client().post("/login/", {"login": "alice", "password": factories.PASSWORD})
        argon2.let_go.set()
        statuses = [each.result() for each in waiting]
    assert member.status_code == 302
    assert statuses == [302] * VISITORS
    assert argon2.most_at_once == 1


def test_a_visitor_who_waits_too_long_is_told_to_try_again_and_loses_no_try(
    argon2: Slow, acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashers, "WAIT_FOR_TURN", 0)
    flow_apps.save(acme, "password", Login("guests", PASSWORD), factories.TESTER)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(visit, 1)
        assert argon2.begun.wait(PATIENCE)
        assert [visit(2) for _ in range(11)] == [503] * 11
        argon2.let_go.set()
        assert first.result() == 302
    assert visit(2) == 302
