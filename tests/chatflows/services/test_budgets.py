"""Budgets: people hear once when most of a limit is used, and once when all is."""

from datetime import date
from threading import Event
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.bounds import MAX_MONEY, NANOS
from accounts.mail import outbox
from accounts.models import AuditEvent, Mail, Membership, Team, User
from apikeys.models import ApiKey, Notice
from chatflows.calls.usage import month_of
from chatflows.models import Chatflow, PeriodCount
from chatflows.services import budgets
from tests.conftest import Integration

pytestmark = pytest.mark.django_db

BUDGET = 50 * NANOS


@pytest.fixture(autouse=True)
def _mails_are_sent(settings: Any) -> None:
    settings.MAIL_SERVER = {"EMAIL_HOST": "mail.invalid"}


@pytest.fixture
def key(integration: Integration, alice: User, adam: User, eddie: User) -> ApiKey:
    """A key with a budget, whose contact is eddie."""
    key = integration.key
    key.limit_budget, key.contact = BUDGET, eddie
    key.save()
    return key


def take(of: ApiKey | Chatflow, **taken: int) -> None:
    """Count what a key or a chatflow has taken this month."""
    month = month_of(timezone.now())
    PeriodCount.objects.update_or_create(
        subject=of.id, period=month, defaults={"team": of.team, **taken}
    )


def told() -> list[tuple[str, str]]:
    """The kinds and addresses of the mails that the worker made now."""
    Mail.objects.all().delete()
    budgets.warn(Event())
    return sorted(Mail.objects.values_list("kind", "recipient"))


def to_all(kind: str) -> list[tuple[str, str]]:
    return [(kind, f"{name}@example.com") for name in ("adam", "alice", "eddie")]


def events() -> list[tuple[str, str, dict[str, Any]]]:
    rows = AuditEvent.objects.filter(action__contains="_limit").order_by("sequence")
    return [(row.action, row.actor_kind, row.after or {}) for row in rows]


def test_each_threshold_is_told_once(key: ApiKey) -> None:
    take(key, cost=BUDGET * 8 // 10 - 1)
    assert told() == []
    take(key, cost=BUDGET * 8 // 10)
    assert told() == to_all("near_limit")
    assert told() == []
    take(key, cost=BUDGET - 1)
    assert told() == []
    take(key, cost=BUDGET)
    assert told() == to_all("at_limit")
    assert told() == []
    assert events() == [
        ("api_key.near_limit", "system", {"limit": "budget", "used": "40.00", "of": "50.00"}),
        ("api_key.at_limit", "system", {"limit": "budget", "used": "50.00", "of": "50.00"}),
    ]


def test_who_hears_that_all_is_used_does_not_hear_that_most_is(key: ApiKey) -> None:
    take(key, cost=BUDGET)
    assert told() == to_all("at_limit")
    assert told() == []


def test_a_budget_without_room_for_a_call_is_used_up(key: ApiKey) -> None:
    """A call is refused where its estimate does not fit, so not every nano is ever spent."""
    take(key, cost=BUDGET - 1, refused_cost=1)
    assert told() == to_all("at_limit")


def test_one_refused_call_of_a_budget_with_room_is_no_news(key: ApiKey) -> None:
    take(key, cost=1, refused_cost=1)  # its estimate alone was larger than the budget
    assert told() == []


def test_tokens_and_money_are_told_apart(key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk).update(limit_tokens=1000)
    take(key, cost=BUDGET, tokens=800)
    assert told() == to_all("at_limit") + to_all("near_limit")
    assert [facts["limit"] for _, _, facts in events()] == ["tokens", "budget"]


def test_a_raised_limit_warns_anew(key: ApiKey) -> None:
    take(key, cost=BUDGET)
    told()
    ApiKey.objects.filter(pk=key.pk).update(limit_budget=BUDGET * 5 // 4)
    assert told() == to_all("near_limit")
    assert told() == []


def test_last_months_count_is_no_news(key: ApiKey) -> None:
    take(key, cost=BUDGET)
    PeriodCount.objects.update(period="2026-01")
    assert told() == []


def test_a_chatflow_is_told_to_the_admins(faq: Chatflow, alice: User, adam: User) -> None:
    Chatflow.objects.filter(pk=faq.pk).update(limit_tokens=10)
    take(faq, tokens=9)
    assert told() == to_all("near_limit")[:2]
    ((action, _, facts),) = events()
    assert (action, facts["used"], facts["of"]) == ("chatflow.near_limit", "9", "10")


def test_another_teams_admins_hear_nothing(key: ApiKey, globex: Team, mallory: User) -> None:
    take(key, cost=BUDGET)
    assert not any(address.startswith("mallory") for _, address in told())
    assert Notice.objects.of(globex).count() == 0


@pytest.mark.usefixtures("key")
def test_a_contact_who_left_hears_nothing(key: ApiKey, eddie: User) -> None:
    Membership.objects.filter(user=eddie).delete()
    take(key, cost=BUDGET)
    assert told() == to_all("at_limit")[:2]


def test_a_deleted_key_is_no_news(key: ApiKey) -> None:
    take(key, cost=BUDGET)
    ApiKey.objects.filter(pk=key.pk).update(deleted_at=timezone.now())
    assert told() == []


def test_an_odd_address_keeps_nobody_else_from_hearing(key: ApiKey, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(email="not an address")
    take(key, cost=BUDGET)
    assert [address for _, address in told()] == ["adam@example.com", "eddie@example.com"]


def test_without_a_mail_server_the_trail_says_it(key: ApiKey, settings: Any) -> None:
    settings.MAIL_SERVER = {}
    take(key, cost=BUDGET)
    assert told() == []
    assert [action for action, _, _ in events()] == ["api_key.at_limit"]


def test_the_largest_budget_overflows_nothing(key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk).update(limit_budget=MAX_MONEY)
    take(key, cost=1 << 62)
    assert told() == to_all("at_limit")


def test_the_mail_says_how_much_and_until_when(key: ApiKey) -> None:
    take(key, cost=41_200_000_000)
    told()
    mail = Mail.objects.filter(recipient="alice@example.com").get()
    assert mail.subject == "82 % of the budget of crm-sync used"
    text, _ = outbox.body(mail)
    today = timezone.now().date()
    first = date(today.year + today.month // 12, today.month % 12 + 1, 1)
    assert "has used 41.20 of 50.00\nof this month's budget: 82 %." in text
    assert f"until {first.day} {first:%B %Y}" in text


def test_limits_are_found_by_an_index(key: ApiKey) -> None:
    take(key, cost=1)
    with CaptureQueriesContext(connection) as asked:
        told()
    looks = [each["sql"] for each in asked if '"apikeys_apikey"."limit_budget" > 0' in each["sql"]]
    assert len(looks) == 1
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {looks[0]}")
            plan = " ".join(str(row[-1]) for row in cursor.fetchall())
        assert "api_key_by_budget" in plan
        assert "(subject=? AND period=?)" in plan
