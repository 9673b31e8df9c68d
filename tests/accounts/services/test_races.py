"""Races: many accepts of one invitation, two owners who demote each other, a button that is
clicked twice. One wins, and the others get a page that says so.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import OperationalError, connection
from django.test import Client

from accounts import audit
from accounts.crypto import digests
from accounts.models import AuditEvent, Invitation, Membership, Role, Session, Team, User
from accounts.permissions import Actor
from accounts.services import invitations, link_tokens, members, password_resets
from apikeys.key_text import PATTERN
from apikeys.models import ApiKey, KeySecret
from apikeys.services import keys
from chatflows.services import onboarding
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

RACES, AT_ONCE, CLICKS = 200, 20, 4
PATIENCE = 20  # seconds
# What may meet a loser; a locked database is a 503 that says try again.
LOST = (
    invitations.Closed,
    members.LastOwner,
    password_resets.LinkClosed,
    PermissionDenied,
    ValidationError,
    OperationalError,
)


def actor(person: User) -> Actor:
    return Actor("person", str(person.pk), person.username)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield pool
        barrier = Barrier(AT_ONCE)  # each thread once: its connection is its own to close

        def close() -> None:
            barrier.wait()
            connection.close()

        list(pool.map(lambda _: close(), range(AT_ONCE)))


def won(change: Callable[[], object], start: Barrier) -> bool:
    start.wait()
    try:
        change()
    except LOST:
        return False
    return True


def test_of_200_accepts_of_one_invitation_one_makes_a_membership(
    acme: Team, alice: User, threads: ThreadPoolExecutor
) -> None:
    (sent,) = invitations.invite(acme, ["nora@example.com"], Role.EDITOR, actor(alice))
    digest = digests.link_token_digest(sent.link.split("/")[4])

    def accept(number: int) -> object:
        return invitations.accept_as_new(
            digest,
            username=f"nora{number}",
            password=factories.PASSWORD,
            has_mailbox=False,
            address="",
        )

    start = Barrier(AT_ONCE)
    outcomes = threads.map(lambda n: won(lambda: accept(n), start), range(RACES))
    assert Counter(outcomes) == {True: 1, False: RACES - 1}
    newcomer = User.objects.exclude(pk=alice.pk).get()
    assert Membership.objects.get(user=newcomer).role == Role.EDITOR
    assert Invitation.objects.get().accepted_by == newcomer
    assert audit.verify(acme.id) is None


def test_of_two_accepts_by_one_person_one_makes_a_membership(
    acme: Team, alice: User, mallory: User, threads: ThreadPoolExecutor
) -> None:
    (sent,) = invitations.invite(acme, [mallory.email], Role.EDITOR, actor(alice))
    digest = digests.link_token_digest(sent.link.split("/")[4])
    start = Barrier(AT_ONCE)

    def accept(_: int) -> bool:
        def change() -> object:
            return invitations.accept_as(digest, mallory, has_mailbox=False, address="")

        return won(change, start)

    assert Counter(threads.map(accept, range(AT_ONCE)))[True] == 1
    assert Membership.objects.filter(user=mallory).count() == 1


def test_of_two_owners_who_demote_each_other_one_stays(
    acme: Team, alice: User, threads: ThreadPoolExecutor
) -> None:
    olga = factories.user("olga")
    factories.join(acme, olga, Role.OWNER)
    places = {person: Membership.objects.get(user=person) for person in (alice, olga)}
    start = Barrier(2)

    def demote(by: User, whom: User) -> bool:
        return won(lambda: members.change_role(places[whom], Role.ADMIN, actor(by)), start)

    for _ in range(RACES):
        Membership.objects.update(role=Role.OWNER)
        running = [threads.submit(demote, alice, olga), threads.submit(demote, olga, alice)]
        assert [each.result() for each in running].count(True) == 1
        assert Membership.objects.filter(role=Role.OWNER).count() == 1
    assert audit.verify(acme.id) is None


def test_of_many_uses_of_one_reset_link_one_sets_the_password(
    acme: Team, alice: User, threads: ThreadPoolExecutor
) -> None:
    link = password_resets.new_link("alice", factories.TESTER)
    digest = digests.link_token_digest(link.split("/")[4])
    start = Barrier(AT_ONCE)

    def use(number: int) -> bool:
        password = f"{factories.PASSWORD} {number}"
        return won(lambda: password_resets.reset(digest, password, ""), start)

    outcomes = list(threads.map(use, range(AT_ONCE)))
    assert outcomes.count(True) == 1
    alice.refresh_from_db()
    assert alice.check_password(f"{factories.PASSWORD} {outcomes.index(True)}")
    trail = AuditEvent.objects.filter(team_id=acme.id, action="user.reset_password")
    assert trail.count() == 1
    assert audit.verify(acme.id) is None


def posts(
    threads: ThreadPoolExecutor, browser: Client, path: str, form: dict[str, str]
) -> tuple[list[Any], list[Any]]:
    """The same form, sent many times at once by one browser."""

    def post(_: int) -> Any:
        window = Client(raise_request_exception=False)
        window.cookies.load(browser.cookies.output(header="", sep=";"))
        return window.post(path, form)

    answers = list(threads.map(post, range(CLICKS)))
    won = [answer for answer in answers if answer.status_code == 200]
    return won, [answer for answer in answers if answer.status_code != 200]


def test_of_two_clicks_on_the_button_of_set_up_one_makes_the_owner(
    threads: ThreadPoolExecutor, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    onboarding.prepare("", factories.TESTER)
    client.get(f"/set-up/{onboarding.new_set_up_token()}/")
    start = Barrier(CLICKS, timeout=PATIENCE)
    is_usable = link_tokens.is_usable

    def looked(*which: Any) -> bool:
        is_good = is_usable(*which)
        start.wait()  # the link is good to all of them
        return is_good

    monkeypatch.setattr(link_tokens, "is_usable", looked)
    form = {"email": "alice@example.com", "username": "alice", "team_name": "Acme"}
    (winner,), losers = posts(threads, client, "/set-up/", {**form, "password": factories.PASSWORD})
    assert {answer.status_code for answer in losers} == {410}
    for answer in losers:
        assert "Set-up is done: log in" in answer.content.decode()
        assert not PATTERN.search(answer.content.decode())
    assert PATTERN.search(winner.content.decode())
    assert User.objects.get().username == "alice"
    assert Membership.objects.get().role == Role.OWNER
    assert KeySecret.objects.count() == 1
    assert Session.objects.filter(user__isnull=False).count() == 1
    assert audit.verify(Team.objects.get().id) is None


def test_of_two_clicks_on_the_button_of_a_new_key_one_makes_it(
    threads: ThreadPoolExecutor, acme: Team, as_alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Barrier(CLICKS, timeout=PATIENCE)
    add = keys.add

    def added(*what: Any, **more: Any) -> tuple[ApiKey, str]:
        start.wait()  # all forms were good
        return add(*what, **more)

    monkeypatch.setattr(keys, "add", added)
    form = {"name": "crm-sync", "expires": "never"}
    (winner,), losers = posts(threads, as_alice, "/t/acme/keys/new/", form)
    assert {answer.status_code for answer in losers} == {422}
    for answer in losers:
        assert "The team has a key of this name." in answer.content.decode()
        assert not PATTERN.search(answer.content.decode())
    assert PATTERN.search(winner.content.decode())
    assert ApiKey.objects.of(acme).filter(name="crm-sync").count() == 1
    assert KeySecret.objects.filter(key__name="crm-sync").count() == 1
    assert audit.verify(acme.id) is None
