"""Reports at which a look fails: none holds up another, and none is tried for ever."""

from datetime import timedelta
from threading import Event

import pytest
from django.utils import timezone

from accounts.models import Team
from accounts.permissions import Actor
from apikeys.leaks import reports
from apikeys.leaks.candidates import Found, candidates
from apikeys.models import ApiKey, LeakCandidate
from apikeys.services import keys
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.fast]


@pytest.fixture
def failing(acme: Team, monkeypatch: pytest.MonkeyPatch) -> ApiKey:
    """A reported key that can't be disabled."""
    key, text = factories.key(acme, "failing")
    wait_for(text)
    disable = keys.disable

    def fail_for_it(each: ApiKey, by: Actor) -> None:
        if each.pk == key.pk:
            raise ValueError
        disable(each, by)

    monkeypatch.setattr(keys, "disable", fail_for_it)
    return key


def wait_for(text: str) -> None:
    """Keep a report of this text for the worker."""
    (found,) = candidates([Found(text)])
    digests = [list(pair) for pair in found.digests]
    LeakCandidate.objects.create(public_id=found.public_id, digests=digests)


@pytest.mark.usefixtures("failing")
def test_a_report_that_fails_does_not_hold_up_the_next_one(acme: Team) -> None:
    second, text = factories.key(acme, "second")
    wait_for(text)
    reports.handle(Event())
    second.refresh_from_db()
    assert second.disabled_at is not None
    assert LeakCandidate.objects.count() == 1  # the other waits


@pytest.mark.parametrize(("failed", "ahead"), [(0, timedelta(minutes=20)), (3, timedelta(days=2))])
def test_no_report_waits_for_a_clock_that_ran_back(
    acme: Team, failed: int, ahead: timedelta
) -> None:
    key, text = factories.key(acme, "leaked")
    wait_for(text)
    LeakCandidate.objects.update(failed=failed, next_at=timezone.now() + ahead)
    reports.handle(Event())
    key.refresh_from_db()
    assert key.disabled_at is not None


@pytest.mark.usefixtures("failing")
def test_pauses_between_looks_double_up_to_an_hour() -> None:
    pauses = []
    for _ in range(14):
        LeakCandidate.objects.update(next_at=timezone.now())
        before = timezone.now()
        reports.handle(Event())
        pauses.append((LeakCandidate.objects.get().next_at - before) // timedelta(seconds=1))
    assert pauses == [*(2**each for each in range(12)), 3600, 3600]
    reports.handle(Event())  # before its next moment nobody looks
    assert LeakCandidate.objects.get().failed == 14


def test_after_a_day_the_operator_is_told_which_key_may_work_on(
    failing: ApiKey, caplog: pytest.LogCaptureFixture
) -> None:
    LeakCandidate.objects.update(reported_at=timezone.now() - timedelta(days=1))
    reports.handle(Event())
    assert not LeakCandidate.objects.exists()
    (secret,) = failing.live_secrets
    (record,) = (each for each in caplog.records if "given up" in each.getMessage())
    assert record.levelname == "ERROR"
    assert secret.public_id in record.getMessage()
