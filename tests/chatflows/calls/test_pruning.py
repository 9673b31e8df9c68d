"""Pruning: counters go when no page shows them and no limit asks for them, and not before."""

from datetime import timedelta
from threading import Event

import pytest
from django.utils import timezone

from accounts.models import Team
from accounts.worker import cleanup
from chatflows.calls import pruning, store
from chatflows.calls.recorder import CallRecord
from chatflows.calls.usage import day_of, month_of
from chatflows.models import Chatflow, OriginDay, PeriodCount, UsageHour
from tests import factories
from tests.conftest import Integration

pytestmark = pytest.mark.django_db


@pytest.fixture
def called(faq: Chatflow, integration: Integration) -> CallRecord:
    """A call of today from a web page."""
    return factories.call(faq, integration.key, origin="https://shop.example")


def at(call: CallRecord, days_ago: int) -> CallRecord:
    return call._replace(at=call.at - timedelta(days=days_ago))


def test_what_is_asked_for_stays_and_what_is_old_goes(called: CallRecord) -> None:
    store.write([at(called, days) for days in (0, 38, 42, 390, 402, 480)])
    pruning.delete_old(Event())
    assert UsageHour.objects.count() == 4
    assert OriginDay.objects.count() == 2
    periods = set(PeriodCount.objects.values_list("period", flat=True))
    kept = [at(called, days).at for days in (0, 38, 42, 390, 402)]
    expected = {month_of(moment) for moment in kept} | {day_of(moment) for moment in kept[:2]}
    assert periods == expected


def test_a_worker_that_stops_deletes_no_more(called: CallRecord) -> None:
    store.write([at(called, 500)])
    stopping = Event()
    stopping.set()
    pruning.delete_old(stopping)
    assert UsageHour.objects.count() == 1


def test_many_old_rows_go_a_few_at_a_time(acme: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup, "BATCH", 7)
    old = timezone.now() - timedelta(days=500)
    hours = [
        UsageHour(team=acme, chatflow_id=factories.NOBODYS_ID, hour=old - timedelta(hours=n))
        for n in range(20)
    ]
    UsageHour.objects.bulk_create(hours)
    pruning.delete_old(Event())
    assert not UsageHour.objects.exists()
