"""Reservations: a budget is never overdrawn, and what was reserved is settled once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from accounts.bounds import MAX_MONEY, Measure
from accounts.models import Team
from chatflows.calls import adding, reservations, store
from chatflows.calls.recorder import CallRecord
from chatflows.calls.reservations import Full, Want
from chatflows.models import Chatflow, PeriodCount, Reservation
from tests import factories
from tests.conftest import Integration

pytestmark = pytest.mark.django_db

T = TypeVar("T")
AT_ONCE = 50
NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
MONTH = "2026-11"
LATER = timezone.now() + timedelta(hours=1)


@pytest.fixture
def called(faq: Chatflow, integration: Integration) -> CallRecord:
    """A call with the integration's key at noon, of 10 tokens that cost 7 nanos."""
    return factories.call(faq, integration.key, at=NOON, tokens=10, cost=7)


def reserve(team: Team, *wants: Want, call: UUID | None = None) -> Full | None:
    return reservations.reserve(call or uuid4(), team.id, MONTH, wants, LATER)


def month_of(subject: UUID) -> tuple[int, int, int, int]:
    """Tokens and cost of a subject, taken and reserved."""
    row = PeriodCount.objects.get(subject=subject, period=MONTH)
    return row.tokens, row.cost, row.reserved_tokens, row.reserved_cost


def test_a_budget_takes_as_much_as_fits(acme: Team) -> None:
    budget = Want(uuid4(), 1000, 30, None, 100)
    assert [reserve(acme, budget) for _ in range(4)] == [
        *(None, None, None),
        Full(budget.subject, Measure.BUDGET, is_passing=True),
    ]
    assert month_of(budget.subject) == (0, 0, 0, 90)  # tokens without a limit are not reserved
    assert reserve(acme, budget._replace(cost=10)) is None  # to the last nano
    assert reserve(acme, budget._replace(cost=1)) is not None


def test_tokens_take_as_many_as_fit(acme: Team) -> None:
    tokens = Want(uuid4(), 60, 0, 100, 5)
    assert reserve(acme, tokens) is None
    assert reserve(acme, tokens) == Full(tokens.subject, Measure.TOKENS, is_passing=True)


def test_what_is_spent_leaves_no_room(acme: Team) -> None:
    mine = Want(uuid4(), 1, 1, 10, 10)
    row = PeriodCount.objects.create(team=acme, subject=mine.subject, period=MONTH, cost=10)
    assert reserve(acme, mine) == Full(mine.subject, Measure.BUDGET)
    PeriodCount.objects.filter(pk=row.pk).update(cost=adding.MAX_COST)
    assert reserve(acme, mine._replace(cost=MAX_MONEY)) == Full(mine.subject, Measure.BUDGET)


def test_a_call_that_is_over_holds_back_only_what_it_took(acme: Team) -> None:
    mine, call = Want(uuid4(), 60, 60, 100, 100), uuid4()
    assert reserve(acme, mine, call=call) is None
    reservations.shrink(call, 5, 70)
    assert month_of(mine.subject) == (0, 0, 5, 60)  # never more than it reserved
    reservations.release(call)
    assert month_of(mine.subject) == (0, 0, 0, 0)
    reservations.shrink(call, 1, 1)
    assert month_of(mine.subject) == (0, 0, 0, 0)


def test_a_call_reserves_of_its_key_and_its_chatflow_or_of_none(acme: Team) -> None:
    first, second = Want(UUID(int=1), 0, 5, None, 10), Want(UUID(int=2), 0, 5, None, 7)
    assert reserve(acme, second, first) is None
    full = Full(second.subject, Measure.BUDGET, is_passing=True)
    assert reserve(acme, first, second) == full
    assert month_of(first.subject)[3] == 5
    assert Reservation.objects.count() == 2


def test_a_new_month_begins_with_all_its_room(acme: Team) -> None:
    mine = Want(uuid4(), 0, 100, None, 100)
    assert reserve(acme, mine) is None
    assert reservations.reserve(uuid4(), acme.id, "2026-12", [mine], LATER) is None


def test_what_was_not_used_is_given_back_once(acme: Team) -> None:
    mine, call = Want(uuid4(), 50, 50, 100, 100), uuid4()
    reserve(acme, mine, call=call)
    reserve(acme, mine)
    for _ in range(2):
        reservations.release(call)
        assert month_of(mine.subject) == (0, 0, 50, 50)
    assert Reservation.objects.count() == 1


def test_the_record_replaces_the_estimate_by_what_it_was(acme: Team, called: CallRecord) -> None:
    call = uuid4()
    assert called.key_id is not None
    key = Want(called.key_id, 500, 300, 1000, 1000)
    chatflow = Want(called.chatflow_id, 500, 300, None, 1000)
    reserve(acme, key, chatflow, call=call)
    other = reserve(acme, key)
    assert other is None
    store.write([called._replace(reservation=call), called])
    assert month_of(called.key_id) == (20, 14, 500, 300)
    assert month_of(called.chatflow_id) == (20, 14, 0, 0)
    store.write([called._replace(reservation=call)])  # as a batch that is given twice
    assert month_of(called.key_id) == (30, 21, 500, 300)


def test_a_call_over_the_end_of_a_month_settles_where_it_reserved(
    acme: Team, called: CallRecord
) -> None:
    call = uuid4()
    assert called.key_id is not None
    reserve(acme, Want(called.key_id, 500, 300, 1000, 1000), call=call)
    store.write([called._replace(reservation=call, at=NOON + timedelta(days=10))])
    assert month_of(called.key_id) == (0, 0, 0, 0)
    assert PeriodCount.objects.get(subject=called.key_id, period="2026-12").tokens == 10


def test_a_count_that_is_gone_holds_up_no_record(acme: Team, called: CallRecord) -> None:
    call = uuid4()
    assert called.key_id is not None
    reserve(acme, Want(called.key_id, 500, 300, 1000, 1000), call=call)
    PeriodCount.objects.all().delete()
    store.write([called._replace(reservation=call)])
    assert month_of(called.key_id) == (10, 7, 0, 0)


def test_the_estimate_of_a_process_that_is_gone_counts_as_spent(acme: Team) -> None:
    mine = Want(uuid4(), 50, 60, 100, 100)
    reserve(acme, mine)
    reservations.run_out(Event())
    assert month_of(mine.subject) == (0, 0, 50, 60)
    Reservation.objects.update(until=timezone.now() - timedelta(seconds=1))
    reservations.run_out(Event())
    assert month_of(mine.subject) == (50, 60, 0, 0)
    assert not Reservation.objects.exists()


def test_a_team_that_is_gone_takes_its_reservations_along(acme: Team, called: CallRecord) -> None:
    call = uuid4()
    reserve(acme, Want(called.chatflow_id, 1, 1, 1, 1), call=call)
    acme.delete()
    store.write([called._replace(reservation=call)])
    reservations.run_out(Event())
    assert not PeriodCount.objects.exists()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield pool
        barrier = Barrier(AT_ONCE)  # each thread once: its connection is its own to close

        def close() -> None:
            barrier.wait()
            connection.close()

        list(pool.map(lambda _: close(), range(AT_ONCE)))


def at_once(threads: ThreadPoolExecutor, do: Callable[[int], T]) -> list[T]:
    start = Barrier(AT_ONCE)

    def begin(number: int) -> T:
        start.wait()
        while True:
            try:
                return do(number)
            except OperationalError:  # SQLite's turn did not come in time: nothing was done
                pass

    return list(threads.map(begin, range(AT_ONCE)))


@pytest.mark.django_db(transaction=True)
def test_of_fifty_at_once_as_many_get_room_as_fit(acme: Team, threads: ThreadPoolExecutor) -> None:
    first, second = Want(UUID(int=1), 0, 9, None, 100), Want(UUID(int=2), 0, 9, None, 1000)

    def ask(number: int) -> Full | None:
        wants = (first, second) if number % 2 else (second, first)
        return reserve(acme, *wants)

    got = at_once(threads, ask)
    assert got.count(None) == 11
    assert set(got) == {None, Full(first.subject, Measure.BUDGET, is_passing=True)}
    assert month_of(first.subject)[3] == month_of(second.subject)[3] == 99


@pytest.mark.django_db(transaction=True)
def test_a_budget_holds_while_calls_end_and_others_begin(
    acme: Team, called: CallRecord, threads: ThreadPoolExecutor
) -> None:
    """Records, calls that gave up and new calls at once: nothing is lost, nothing is overdrawn."""
    assert called.key_id is not None
    want = Want(called.key_id, 0, 10, None, 100)
    calls = [uuid4() for _ in range(AT_ONCE)]

    def call(number: int) -> int:
        mine = calls[number]
        has_room = Reservation.objects.filter(call=mine).exists()  # where it is tried again
        if not has_room and reserve(acme, want, call=mine) is not None:
            return 0
        if number % 3 == 0:
            reservations.release(mine)
            return 0
        store.write([called._replace(reservation=mine, tokens=1, cost=10)])
        return 10

    spent = sum(at_once(threads, call))
    assert month_of(called.key_id)[1] == spent <= 100
    assert month_of(called.key_id)[3] == 0
    assert not Reservation.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_workers_count_an_estimate_once(acme: Team, threads: ThreadPoolExecutor) -> None:
    mine, call = Want(uuid4(), 50, 60, 100, 100), uuid4()
    reserve(acme, mine, call=call)
    Reservation.objects.update(until=timezone.now() - timedelta(seconds=1))
    at_once(
        threads,
        lambda n: reservations.run_out(Event()) if n % 2 else reservations.release(call),
    )
    assert month_of(mine.subject) in ((50, 60, 0, 0), (0, 0, 0, 0))
