"""Adding: each call counts once, in the right rows, whatever comes with it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError
from django.utils import timezone

from accounts.bounds import MAX_MONEY
from accounts.models import Team
from chatflows.calls import adding, origins, store, usage
from chatflows.calls.recorder import CallRecord
from chatflows.models import Call, Chatflow, OriginDay, PeriodCount, UsageHour
from tests import factories
from tests.conftest import Integration

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
PAGE = "https://shop.example"
REFUSED = {"allowed": False, "status": 403, "code": "key_not_selected", "reason": "not_selected"}


@pytest.fixture
def called(faq: Chatflow, integration: Integration) -> CallRecord:
    """A call with the integration's key at noon."""
    return factories.call(faq, integration.key, at=NOON, tokens=10, cost=7)


def refused(call: CallRecord, **more: object) -> CallRecord:
    return call._replace(**{**REFUSED, "tokens": 0, "cost": 0, **more})  # type: ignore[arg-type]


def counts(subject: UUID) -> dict[str, tuple[int, int, int]]:
    """What was counted of a key or a chatflow in each period."""
    rows = PeriodCount.objects.filter(subject=subject)
    return {row.period: (row.calls, row.tokens, row.cost) for row in rows}


def test_a_batch_is_counted_by_secret_chatflow_and_hour(faq: Chatflow, called: CallRecord) -> None:
    failed = called._replace(status=502, code="upstream_error")
    later = called._replace(at=NOON + timedelta(minutes=59))
    next_hour = called._replace(at=NOON + timedelta(hours=1))
    store.write([called, failed, refused(called), later, next_hour])
    first, second = UsageHour.objects.order_by("hour")
    assert (first.team_id, first.key_id, first.chatflow_id) == (
        faq.team_id,
        called.key_id,
        faq.id,
    )
    assert first.public_id == called.public_id != ""
    assert (first.let_in, first.failed, first.refused) == (3, 1, 1)
    assert (first.tokens, first.cost, first.last_at) == (30, 21, later.at)
    assert (second.let_in, second.hour) == (1, NOON + timedelta(hours=1))


def test_several_batches_add_up(faq: Chatflow, called: CallRecord) -> None:
    assert called.key_id is not None
    for _ in range(3):
        store.write([called, called, refused(called)])
    hour = UsageHour.objects.get()
    assert (hour.let_in, hour.refused, hour.tokens, hour.cost) == (6, 3, 60, 42)
    expected = {"2026-11-27": (6, 60, 42), "2026-11": (6, 60, 42)}
    assert counts(called.key_id) == counts(faq.id) == expected


@pytest.mark.parametrize(
    ("status", "code", "is_failed"),
    [
        (200, "ok", False),
        (200, "upstream_cut", True),  # a stream that began, and broke off
        (502, "upstream_error", True),
        (404, "ok", True),
        (499, "client_gone", False),
        (400, "client_gone", False),
        (200, "aborted", False),
    ],
)
def test_who_leaves_or_aborts_makes_no_failure(
    called: CallRecord, status: int, code: str, is_failed: bool
) -> None:
    call = called._replace(status=status, code=code)
    assert adding.is_failed(call) is is_failed
    assert not adding.is_failed(call._replace(allowed=False))


def test_the_latest_call_that_was_let_in_is_the_last_use(called: CallRecord) -> None:
    newest = called._replace(
        at=NOON + timedelta(minutes=9), client_address="192.0.2.9", origin=PAGE, client="curl/8.5.0"
    )
    older = called._replace(at=NOON + timedelta(minutes=3), client_address="192.0.2.3")
    no_use = refused(called, at=NOON + timedelta(minutes=20), client_address="192.0.2.66")
    store.write([no_use])
    assert UsageHour.objects.get().last_at is None
    for batch in ([newest, older], [older], [no_use]):  # as clocks that run back leave it
        store.write(batch)
    hour = UsageHour.objects.get()
    assert hour.last_at == newest.at
    assert (hour.last_address, hour.last_origin, hour.last_client) == (
        "192.0.2.9",
        PAGE,
        "curl/8.5.0",
    )


def test_a_clock_that_runs_back_loses_no_count(called: CallRecord) -> None:
    assert called.key_id is not None
    back = called._replace(at=NOON - timedelta(days=40))
    store.write([called])
    store.write([back, called])
    assert counts(called.key_id) == {
        "2026-11-27": (2, 20, 14),
        "2026-11": (2, 20, 14),
        "2026-10-18": (1, 10, 7),
        "2026-10": (1, 10, 7),
    }


def test_a_secret_beside_another_is_counted_apart(called: CallRecord) -> None:
    store.write([called, called._replace(public_id="otherotherot")])
    assert UsageHour.objects.filter(key_id=called.key_id, let_in=1).count() == 2
    assert called.key_id is not None
    assert counts(called.key_id)["2026-11"][0] == 2


def test_a_public_call_counts_for_its_chatflow_alone(faq: Chatflow) -> None:
    store.write([factories.call(faq, at=NOON, reason="public")])
    hour = UsageHour.objects.get()
    assert (hour.key_id, hour.public_id, hour.let_in) == (None, "", 1)
    assert [row.subject for row in PeriodCount.objects.all()] == [faq.id, faq.id]


def test_a_question_on_a_page_counts_for_no_limit(faq: Chatflow) -> None:
    for reason in (Call.PLAYGROUND, Call.HOSTED):
        store.write([factories.call(faq, reason=reason, tokens=10, cost=7)])
    public = factories.call(faq, reason="public", tokens=1, cost=1)
    store.write([public, public._replace(reason=Call.HOSTED)])
    hour = UsageHour.objects.get()
    assert (hour.let_in, hour.tried, hour.tokens, hour.cost) == (4, 1, 22, 16)
    assert set(counts(faq.id).values()) == {(1, 1, 1)}
    assert usage.calls_of_chatflow(faq, 14) == 3  # all but the playground's


def test_ids_that_somebody_invents_count_under_one_id(
    faq: Chatflow, globex: Team, called: CallRecord
) -> None:
    foreign = factories.chatflow(globex, "Foreign")
    unknown = [refused(called, chatflow_id=uuid4(), reason="no_chatflow") for _ in range(40)]
    expired = [refused(called, chatflow_id=uuid4(), reason="expired") for _ in range(40)]
    store.write([*unknown, *expired, refused(called, chatflow_id=foreign.id, reason="no_chatflow")])
    hour = UsageHour.objects.get()
    assert (hour.team_id, hour.chatflow_id, hour.refused) == (faq.team_id, adding.NOWHERE, 81)
    assert not PeriodCount.objects.exists()


def test_what_belongs_to_no_team_is_counted_nowhere(faq: Chatflow) -> None:
    guess = factories.call(faq, None, chatflow_id=uuid4(), team_id=None, **REFUSED)
    store.write([guess])
    assert not UsageHour.objects.exists()


def test_a_typo_counts_for_the_chatflow_that_it_was_sent_to(faq: Chatflow) -> None:
    store.write([factories.call(faq, None, team_id=None, **{**REFUSED, "reason": "malformed"})])
    hour = UsageHour.objects.get()
    assert (hour.team_id, hour.chatflow_id, hour.refused) == (faq.team_id, faq.id, 1)


def test_a_team_that_is_gone_takes_its_counters_along(faq: Chatflow, called: CallRecord) -> None:
    store.write([called._replace(origin=PAGE)])
    faq.team.delete()
    store.write([called._replace(origin=PAGE)])
    for model in (UsageHour, OriginDay, PeriodCount):
        assert not model.objects.exists()


@pytest.mark.parametrize("full", ["key_tokens", "key_budget", "chatflow_tokens", "chatflow_budget"])
def test_a_call_without_room_in_the_month_is_noted(
    faq: Chatflow, called: CallRecord, full: str
) -> None:
    store.write([refused(called, reason=full, code="rate_limited", status=429)] * 2)
    row = PeriodCount.objects.get()
    assert row.subject == (faq.id if full.startswith("chatflow") else called.key_id)
    assert (row.period, row.calls) == ("2026-11", 0)
    assert (row.refused_tokens, row.refused_cost) == ((2, 0) if "tokens" in full else (0, 2))


def test_a_cost_without_end_overflows_nothing(called: CallRecord) -> None:
    dear = called._replace(cost=MAX_MONEY, tokens=1_000_000_000)
    for _ in range(3):
        store.write([dear] * 5)
    assert UsageHour.objects.get().cost == adding.MAX_COST > MAX_MONEY
    assert {row.cost for row in PeriodCount.objects.all()} == {adding.MAX_COST}


def test_an_origin_is_counted_by_day(called: CallRecord) -> None:
    page = called._replace(origin=PAGE)
    tomorrow = page._replace(at=NOON + timedelta(days=1))
    later = refused(page, at=NOON + timedelta(hours=2))
    store.write([page, later, tomorrow, called])
    store.write([page])
    first, second = OriginDay.objects.order_by("day")
    assert (first.origin, first.let_in, first.refused, first.last_at) == (PAGE, 2, 1, later.at)
    assert (second.let_in, second.day) == (1, tomorrow.at.date())


def test_an_origin_without_a_key_is_not_counted(faq: Chatflow) -> None:
    store.write([factories.call(faq, origin=PAGE, reason="public")])
    assert not OriginDay.objects.exists()


def test_a_caller_fills_no_table_with_origins(called: CallRecord) -> None:
    invented = [called._replace(origin=f"https://{n}.example") for n in range(70)]
    for start in (0, 30, 60):
        store.write(invented[start : start + 30])
    assert OriginDay.objects.count() == origins.MAX_ORIGINS
    store.write([invented[0]])  # one that is counted goes on to count
    assert OriginDay.objects.get(origin=invented[0].origin).let_in == 2
    tomorrow = timedelta(days=1)
    store.write([each._replace(at=each.at + tomorrow) for each in invented])
    assert OriginDay.objects.count() == 2 * origins.MAX_ORIGINS


@pytest.mark.django_db(transaction=True)  # a failure closes the connection
def test_a_batch_that_fails_is_not_counted_and_then_once(
    called: CallRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DatabaseError

    with monkeypatch.context() as patched:
        patched.setattr(adding, "_add_periods", fail)
        with pytest.raises(DatabaseError):
            store.write([called])
    assert not UsageHour.objects.exists()
    store.write([called])
    assert UsageHour.objects.get().let_in == 1


def test_pages_read_the_counters_alone(faq: Chatflow, integration: Integration) -> None:
    store.write([factories.call(faq, integration.key)] * 3)
    Call.objects.all().delete()
    assert usage.calls_of_key(integration.key, 14) == 3
    assert usage.calls_of_chatflow(faq, 14) == 3
    UsageHour.objects.update(hour=timezone.now() - timedelta(days=15))
    assert usage.calls_of_key(integration.key, 14) == 0
