"""Off-boarding beside other changes: one removal wins, and no key is lost between two of them."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Barrier

import pytest
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, connection
from django.utils import timezone

from accounts import audit
from accounts.held_keys import Choice, Choices, Outcome, Way
from accounts.models import AuditEvent, Membership, Team, User
from accounts.permissions import Actor
from accounts.services import off_boarding
from apikeys.models import ApiKey, KeySecret
from apikeys.services import keys
from apikeys.services.life import rotation

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 4
KEYS = 12


def actor(person: User) -> Actor:
    return Actor("person", str(person.pk), person.username)


def together(changes: list[Callable[[], object]]) -> list[object]:
    """Run all at one moment, each in a thread; what each returned, or the exception it raised."""
    start = Barrier(len(changes))

    def run(change: Callable[[], object]) -> object:
        start.wait()
        try:
            return change()
        except (off_boarding.Gone, PermissionDenied, OperationalError) as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(changes)) as pool:
        return list(pool.map(run, changes))


@pytest.fixture
def made(acme: Team, eddie: User) -> list[ApiKey]:
    """Keys whose texts eddie saw."""
    return [keys.add(acme, f"k-{n}", actor(eddie), created_by=eddie)[0] for n in range(KEYS)]


def all_rotated(made: list[ApiKey]) -> Choices:
    chosen = {key.id: Choice(Way.ROTATE) for key in made}
    return Choices(timezone.now(), chosen, overlap=timedelta(days=1))


def test_of_removals_at_once_one_wins(
    acme: Team, adam: User, alice: User, eddie: User, made: list[ApiKey]
) -> None:
    place = Membership.objects.select_related("team").get(user=eddie)
    choices = all_rotated(made)
    removals: list[Callable[[], object]] = [
        lambda by=by: off_boarding.remove(place, choices, actor(by))  # type: ignore[misc]
        for by in [adam, alice] * (AT_ONCE // 2)
    ]
    found = Counter(type(each) for each in together(removals))
    assert found[Outcome] == 1
    assert found[off_boarding.Gone] + found[OperationalError] == AT_ONCE - 1
    events = AuditEvent.objects.filter(team_id=acme.id)
    assert events.filter(action="membership.delete").count() == 1
    assert events.filter(action="api_key.let_end").count() == KEYS
    assert audit.verify(acme.id) is None


def test_what_happens_to_keys_beside_a_removal_is_not_lost(
    acme: Team, adam: User, alice: User, eddie: User, made: list[ApiKey]
) -> None:
    place = Membership.objects.select_related("team").get(user=eddie)
    choices = all_rotated(made)

    def go_on_making() -> None:
        for n in range(KEYS):
            with suppress(OperationalError, PermissionDenied):
                keys.add(acme, f"late-{n}", actor(eddie), created_by=eddie)

    def go_on_rotating() -> None:
        for key in made:
            with suppress(OperationalError, rotation.TwoSecrets):
                rotation.rotate(key, actor(alice), overlap=timedelta(days=7), shown_to=alice)

    _, _, outcome = together(
        [go_on_making, go_on_rotating, lambda: off_boarding.remove(place, choices, actor(adam))]
    )
    assert isinstance(outcome, Outcome), outcome
    named = {each.name for each in [*outcome.came_later, *outcome.rotated]}
    tomorrow = timezone.now() + timedelta(days=1, minutes=1)
    for secret in KeySecret.objects.filter(key__team=acme, shown_to=eddie).select_related("key"):
        is_made_after_all = secret.key.name.startswith("late") and secret.key.name not in named
        is_ending = secret.ends_at is not None and secret.ends_at < tomorrow
        assert is_ending or secret.key.name in named or is_made_after_all
    for secret in KeySecret.objects.filter(key__team=acme, shown_to=alice):
        assert secret.ends_at is None
    assert audit.verify(acme.id) is None
