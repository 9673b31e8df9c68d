"""Lists of keys: their order and pages, searches, and filters that say what `status` says."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Team
from accounts.services import service_accounts
from accounts.services.service_accounts import About
from apikeys.models import ApiKey, Status
from apikeys.services import key_lists, keys
from apikeys.services.key_lists import Filters, Page, searched_keys
from chatflows.models import Chatflow
from tests import factories
from tests.conftest import Integration

pytestmark = pytest.mark.django_db
SOMEBODY = UUID("6aba4e10-f3bf-49f5-83fb-42593aba38ac")
NOW = timezone.now()


def use(key: ApiKey, minutes_ago: int | None) -> None:
    used = None if minutes_ago is None else NOW - timedelta(minutes=minutes_ago)
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=used)


def names(page: Page) -> list[str]:
    return [key.name for key in page.keys]


def found(team: Team, q: str) -> set[str]:
    return set(searched_keys(team, q).values_list("name", flat=True))


@pytest.fixture
def seven(acme: Team) -> list[str]:
    """Seven keys of acme beside DefaultKey, in their order: used, used at one time, never used."""
    for n, ago in enumerate((5, 3, 3, 9, None, None, None)):
        key, _ = factories.key(acme, f"key-{n}")
        use(key, ago)
        ApiKey.objects.filter(pk=key.pk).update(created_at=NOW - timedelta(hours=n))
    ApiKey.objects.filter(name="DefaultKey").update(created_at=NOW - timedelta(days=1))
    return ["key-1", "key-2", "key-0", "key-3", "key-4", "key-5", "key-6", "DefaultKey"]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 50])
def test_pages_show_each_key_once_the_last_used_first(
    acme: Team, seven: list[str], size: int
) -> None:
    kept, seen, after = ApiKey.objects.of(acme).kept(), list[str](), ""
    for _ in range(20):
        page = key_lists.page(kept, None, after, size=size)
        seen += names(page)
        after = page.next
        if not after:
            break
    assert seen == seven


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "~~",
        "2026~2026~x",
        "~2026-01-01~",
        "\0",
        "~" * 5000,
        f"~0001-01-01T00:00:00+14:00~{SOMEBODY}",  # before the year 1 in UTC
        f"9999-12-31T23:59:59-14:00~2026-01-01T00:00:00+00:00~{SOMEBODY}",
    ],
)
def test_a_cursor_that_cannot_be_read_is_the_beginning(
    acme: Team, seven: list[str], cursor: str
) -> None:
    assert names(key_lists.page(ApiKey.objects.of(acme).kept(), None, cursor)) == seven


def test_a_window_ends_a_rare_filter_and_offers_to_go_on(
    acme: Team, seven: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_lists, "WINDOW", 2)
    ApiKey.objects.filter(name__in=["key-3", "key-6"]).update(disabled_at=NOW)
    seen, looks, after = list[str](), 0, ""
    while looks < 10:
        page = key_lists.search(acme, "", Filters(show="disabled"), after)
        seen += names(page)
        looks, after = looks + 1, page.next
        assert page.is_cut is bool(after)
        if not after:
            break
    assert seen == ["key-3", "key-6"]
    assert 3 < looks < 8


def test_filters_say_what_the_status_says(acme: Team, faq: Chatflow) -> None:
    dead = service_accounts.create(acme, About("Dead", "staging"), factories.TESTER)
    live = service_accounts.create(acme, About("Live", "staging"), factories.TESTER)
    ends = (None, NOW - timedelta(1), NOW + timedelta(3), NOW + timedelta(30))
    for n, end in enumerate(ends):
        for account in (None, dead, live):
            name = f"k{n}-{account}"
            key, _ = keys.add(acme, name, factories.TESTER, service_account=account)
            ApiKey.objects.filter(pk=key.pk).update(expires_at=end)
            if n == 0:
                key.secrets.update(ends_at=NOW - timedelta(1))
            other, _ = keys.add(acme, f"{name}-off", factories.TESTER, service_account=account)
            keys.disable(other, factories.TESTER)
    service_accounts.disable(dead, factories.TESTER)
    shown = {
        "active": {Status.ACTIVE, Status.EXPIRING},
        "attention": {Status.EXPIRING, Status.EXPIRED, Status.UNISSUED},
        "disabled": {Status.DISABLED, Status.ACCOUNT_DISABLED},
    }
    every = list(ApiKey.objects.of(acme).kept().with_status())
    assert {key.status for key in every} >= set.union(*shown.values())
    for show, statuses in shown.items():
        by_sql = set(names(key_lists.search(acme, "", Filters(show=show), "")))
        assert by_sql == {key.name for key in every if key.status in statuses}, show


def test_the_environment_of_an_account_counts_for_its_keys(acme: Team) -> None:
    account = service_accounts.create(acme, About("Machine", "staging"), factories.TESTER)
    keys.add(acme, "of-account", factories.TESTER, service_account=account)
    assert names(key_lists.search(acme, "", Filters(environment="staging"), "")) == ["of-account"]
    production = key_lists.search(acme, "", Filters(environment="production"), "")
    assert "of-account" not in names(production)


def test_a_search_looks_at_names_hints_makers_and_accounts(
    acme: Team, globex: Team, integration: Integration
) -> None:
    account = service_accounts.create(acme, About("Warehouse", "staging"), factories.TESTER)
    keys.add(acme, "scanner_100%", factories.TESTER, service_account=account)
    foreign, text = factories.key(globex, "crm-sync")
    public_id = integration.text.split("_")[2]
    assert found(acme, "CRM-S") == {"crm-sync"}
    assert found(acme, "sync") == {"crm-sync"}
    assert found(acme, "warehouse") == {"scanner_100%"}
    for hint in (public_id, public_id[:4], f"flk_sk_{public_id[:4]}…{public_id[-4:]}"):
        assert "crm-sync" in found(acme, hint)
    assert found(acme, "scanner_1") == {"scanner_100%"}
    assert found(acme, "scanner%1") == set()
    assert found(acme, "x%") == set()
    assert found(acme, text.split("_")[2]) == set()
    assert not searched_keys(acme, "crm").filter(pk=foreign.pk)


def test_beyond_the_window_a_name_is_found_from_its_beginning(
    acme: Team, seven: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_lists, "WINDOW", 2)
    assert found(acme, "key-6") == {"key-6"}  # never used, and the oldest
    assert found(acme, "ey-6") == set()
    assert found(acme, "ey-1") == {"key-1"}


def test_the_database_answers_by_its_indexes(acme: Team, seven: list[str]) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the planner of PostgreSQL chooses by statistics; `make many` shows it")
    with CaptureQueriesContext(connection) as captured:
        for segment in key_lists._segments(ApiKey.objects.of(acme).kept(), ""):
            list(segment.values_list("pk")[:51])
        list(ApiKey.objects.of(acme).kept().filter(name_key__begins="key"))
    plans = []
    for query in captured.captured_queries:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            plans.append(" ".join(row[3] for row in cursor.fetchall()))
    assert all("INDEX api_key_by_use" in plan for plan in plans[:2]), plans
    assert all("TEMP B-TREE" not in plan for plan in plans), plans
    assert "name_key>? AND name_key<?" in plans[2]


def test_a_search_that_finds_too_much_says_so(
    acme: Team, seven: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not key_lists.search(acme, "key", Filters(), "").is_capped
    monkeypatch.setattr(key_lists, "FOUND", 3)
    assert key_lists.search(acme, "key", Filters(), "").is_capped
