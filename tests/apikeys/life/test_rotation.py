"""Rotation: a new secret beside the old one, and how each of them ends."""

from datetime import timedelta
from threading import Event

import pytest
from django.core.exceptions import ValidationError

from accounts.models import AuditEvent
from accounts.permissions import Actor
from apikeys.models import ApiKey, KeyPolicy, KeySecret
from apikeys.services import keys
from apikeys.services.life import rotation
from chatflows.models import Chatflow, UsageHour
from tests import factories
from tests.apikeys.life.clocks import Clock
from tests.conftest import Integration

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
A_MOMENT = timedelta(microseconds=1)


def works(text: str, clock: Clock) -> bool:
    """Whether a text lets its key in now, by its row."""
    row = KeySecret.objects.select_related("key").get(public_id=text.split("_")[2])
    return row.ends_at is None or row.ends_at > clock.now


def secrets(key: ApiKey) -> list[KeySecret]:
    """The secrets of a key, the oldest first."""
    return list(KeySecret.objects.filter(key=key).order_by("pk"))


def last_event() -> AuditEvent:
    return AuditEvent.objects.latest("pk")


def use(integration: Integration, faq: Chatflow, text: str, clock: Clock) -> None:
    """A call that was let in with a text, as the recorder adds it up."""
    UsageHour.objects.update_or_create(
        team=faq.team,
        key_id=integration.key.id,
        public_id=text.split("_")[2],
        chatflow_id=faq.id,
        hour=clock.now.replace(minute=0, second=0, microsecond=0),
        defaults={"let_in": 1, "last_at": clock.now},
    )


def test_both_secrets_work_through_the_overlap_and_then_exactly_the_new_one(
    integration: Integration, clock: Clock, by_alice: Actor
) -> None:
    new = rotation.rotate(integration.key, by_alice, overlap=DAY)
    assert new != integration.text
    for span in (timedelta(), HOUR, 23 * HOUR - A_MOMENT):
        clock.put(span)
        assert works(integration.text, clock)
        assert works(new, clock)
    clock.put(A_MOMENT)
    assert not works(integration.text, clock)
    assert works(new, clock)


def test_without_an_overlap_the_old_secret_ends_with_the_birth_of_the_new_one(
    integration: Integration, clock: Clock, by_alice: Actor
) -> None:
    new = rotation.rotate(integration.key, by_alice, overlap=timedelta())
    assert not works(integration.text, clock)
    assert works(new, clock)


def test_a_rotation_keeps_the_key_its_selections_and_shows_the_new_hint(
    integration: Integration, faq: Chatflow, by_alice: Actor
) -> None:
    new = rotation.rotate(integration.key, by_alice, overlap=DAY)
    key = ApiKey.objects.get(pk=integration.key.pk)
    assert key in faq.keys.all()
    assert key.hint_parts[1] == new.split("_")[2][:4]
    assert key.old_secret is not None
    assert key.old_secret.public_id == integration.text.split("_")[2]
    event = last_event()
    assert event.action == "api_key.rotate"
    assert new not in factories.dump()


def test_a_second_rotation_waits_for_the_end_of_the_first(
    integration: Integration, clock: Clock, by_alice: Actor
) -> None:
    rotation.rotate(integration.key, by_alice, overlap=DAY)
    before = factories.dump()
    with pytest.raises(rotation.TwoSecrets):
        rotation.rotate(integration.key, by_alice, overlap=DAY)
    assert factories.dump() == before
    clock.put(DAY)
    rotation.rotate(integration.key, by_alice, overlap=DAY)
    assert len(secrets(integration.key)) == 3


@pytest.mark.parametrize("overlap", [-A_MOMENT, 30 * DAY + A_MOMENT, 9999 * DAY])
def test_an_odd_overlap_is_refused_and_changes_nothing(
    integration: Integration, by_alice: Actor, overlap: timedelta
) -> None:
    before = factories.dump()
    with pytest.raises(ValidationError):
        rotation.rotate(integration.key, by_alice, overlap=overlap)
    with pytest.raises(ValidationError):
        rotation.let_end(integration.key, by_alice, overlap=overlap)
    assert factories.dump() == before


def test_the_policy_bounds_the_overlap(integration: Integration, by_alice: Actor) -> None:
    KeyPolicy.objects.create(team=integration.key.team, longest_overlap=24)
    with pytest.raises(ValidationError, match="24 hours"):
        rotation.rotate(integration.key, by_alice, overlap=7 * DAY)
    rotation.rotate(integration.key, by_alice, overlap=DAY)
    with pytest.raises(ValidationError, match="as long as it may be"):
        rotation.extend_overlap(integration.key, by_alice)


def test_retiring_ends_the_old_secret_and_leaves_the_new_one(
    integration: Integration, clock: Clock, by_alice: Actor
) -> None:
    new = rotation.rotate(integration.key, by_alice, overlap=DAY)
    rotation.retire(integration.key, by_alice)
    assert not works(integration.text, clock)
    assert works(new, clock)
    assert last_event().action == "api_key.retire_secret"
    with pytest.raises(rotation.NotRotating):
        rotation.retire(integration.key, by_alice)


@pytest.mark.parametrize("back", [HOUR, DAY, 400 * DAY])
@pytest.mark.parametrize("ending", ["retire", "revoke", "replace", "no overlap"])
def test_a_clock_that_runs_back_revives_no_secret_that_was_ended(
    integration: Integration, clock: Clock, by_alice: Actor, ending: str, back: timedelta
) -> None:
    clock.put(DAY)
    key = integration.key
    if ending == "retire":
        rotation.rotate(key, by_alice, overlap=DAY)
        rotation.retire(key, by_alice)
    elif ending == "revoke":
        rotation.revoke_secrets(key, by_alice)
    elif ending == "replace":
        keys.issue(key, by_alice, replace=True)
    else:
        rotation.rotate(key, by_alice, overlap=timedelta())
    old = secrets(key)[0]
    made_at = old.created_at
    clock.put(-back)
    is_before_its_making = clock.now < made_at
    assert works(integration.text, clock) is is_before_its_making


def test_a_clock_that_runs_back_between_two_secrets_does_not_swap_them(
    integration: Integration, clock: Clock, by_alice: Actor
) -> None:
    clock.put(-DAY)
    new = rotation.rotate(integration.key, by_alice, overlap=HOUR)
    key = ApiKey.objects.get(pk=integration.key.pk)
    assert key.secret is not None
    assert key.secret.public_id == new.split("_")[2]
    rotation.retire(key, by_alice)
    assert works(new, clock)
    assert not works(integration.text, clock)


def test_an_overlap_that_is_over_works_again_until_its_end_comes_a_second_time(
    integration: Integration, clock: Clock, by_alice: Actor
) -> None:
    rotation.rotate(integration.key, by_alice, overlap=HOUR)
    clock.put(HOUR)
    assert not works(integration.text, clock)
    clock.put(-HOUR)  # as the head of services/rotation.py says
    assert works(integration.text, clock)


def test_an_overlap_can_be_extended_up_to_thirty_days(
    integration: Integration, clock: Clock, by_alice: Actor
) -> None:
    rotated_at = clock.now
    rotation.rotate(integration.key, by_alice, overlap=HOUR)
    assert rotation.extend_overlap(integration.key, by_alice) == rotated_at + 25 * HOUR
    longest = rotated_at + 30 * DAY
    assert rotation.extend_overlap(integration.key, by_alice, 99 * DAY) == longest
    with pytest.raises(ValidationError):
        rotation.extend_overlap(integration.key, by_alice)


def test_a_silent_secret_is_ended_twelve_hours_after_its_last_call(
    integration: Integration, faq: Chatflow, clock: Clock, by_alice: Actor
) -> None:
    new = rotation.rotate(integration.key, by_alice, overlap=7 * DAY, when_silent=True)
    clock.put(2 * HOUR)
    use(integration, faq, integration.text, clock)
    clock.put(12 * HOUR - A_MOMENT)
    rotation.end_silent(Event())
    assert works(integration.text, clock)
    clock.put(A_MOMENT)
    rotation.end_silent(Event())
    assert not works(integration.text, clock)
    assert works(new, clock)
    event = last_event()
    assert (event.action, event.actor_kind) == ("api_key.end_silent_secret", "system")


def test_silence_before_the_rotation_does_not_count(
    integration: Integration, faq: Chatflow, clock: Clock, by_alice: Actor
) -> None:
    use(integration, faq, integration.text, clock)
    clock.put(3 * DAY)
    rotation.rotate(integration.key, by_alice, overlap=7 * DAY, when_silent=True)
    rotation.end_silent(Event())
    assert works(integration.text, clock)
    clock.put(12 * HOUR)
    rotation.end_silent(Event())
    assert not works(integration.text, clock)


def test_a_silent_secret_without_that_wish_stays_until_its_end(
    integration: Integration, clock: Clock, by_alice: Actor
) -> None:
    rotation.rotate(integration.key, by_alice, overlap=7 * DAY)
    clock.put(6 * DAY)
    rotation.end_silent(Event())
    assert works(integration.text, clock)


def test_a_secret_that_is_let_end_works_until_then_and_no_longer_by_a_rotation(
    integration: Integration, clock: Clock, by_alice: Actor
) -> None:
    rotation.let_end(integration.key, by_alice, overlap=DAY)
    new = rotation.rotate(integration.key, by_alice, overlap=30 * DAY)
    clock.put(DAY - A_MOMENT)
    assert works(integration.text, clock)
    clock.put(A_MOMENT)
    assert not works(integration.text, clock)
    assert works(new, clock)


def test_revoking_ends_every_secret_and_keeps_the_key(
    integration: Integration, clock: Clock, by_alice: Actor
) -> None:
    new = rotation.rotate(integration.key, by_alice, overlap=DAY)
    assert rotation.revoke_secrets(integration.key, by_alice) == 2
    assert not works(integration.text, clock)
    assert not works(new, clock)
    before = factories.dump()
    assert rotation.revoke_secrets(integration.key, by_alice) == 0
    assert factories.dump() == before
    with pytest.raises(rotation.NotRotating):
        rotation.let_end(integration.key, by_alice, overlap=DAY)
    again = rotation.rotate(integration.key, by_alice, overlap=DAY)
    assert works(again, clock)


@pytest.mark.parametrize(
    ("overlap", "said"),
    [
        (timedelta(), "none"),
        (HOUR, "1 hour"),
        (DAY, "24 hours"),
        (7 * DAY, "7 days"),
        (36 * HOUR, "36 hours"),
    ],
)
def test_an_overlap_has_a_name(overlap: timedelta, said: str) -> None:
    assert rotation.words(overlap) == said
