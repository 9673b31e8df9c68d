"""Changes of keys lock rows first and the head of the audit chain last: none waits in a circle."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.db import connection, models, transaction
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent, Team, User
from accounts.permissions import Actor
from accounts.services import service_accounts
from apikeys.models import ApiKey
from apikeys.services import details, keys
from apikeys.services.life import policies, policy_changes
from chatflows.models import Selection
from tests import factories

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer, which waits for nobody"
    ),
]

Change = Callable[[], object]


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor("person", str(alice.pk), alice.username)


def beside(row: models.Model, then: Change, change: Change) -> None:
    """Run a change that comes to wait for a row. Whoever has the row does something more."""
    is_held = Event()

    def run() -> None:
        is_held.wait(10)
        try:
            change()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        with transaction.atomic():
            type(row)._default_manager.select_for_update(no_key=True).get(pk=row.pk)
            is_held.set()
            wait_until_one_waits()
            then()
        running.result(10)


def wait_until_one_waits() -> None:
    """Wait until a statement waits for a lock."""
    until = time.monotonic() + 5
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.01)
    raise AssertionError("the change waits for nothing")


def noting(team: Team, by: Actor) -> Change:
    """What every change of a row does at its end."""
    target = audit.Target("test", "1", "Test")
    return lambda: transaction.atomic(audit.record)(team.id, "test.change", by, target)


def test_a_new_key_beside_a_change_of_the_chatflow_that_it_opens(acme: Team, by: Actor) -> None:
    flow = factories.chatflow(acme, "FAQ")
    beside(flow, noting(acme, by), lambda: keys.add(acme, "new", by, opens=[flow.id]))
    assert Selection.objects.filter(key__name="new", chatflow=flow).exists()


def test_a_key_policy_beside_a_change_of_a_key(acme: Team, by: Actor) -> None:
    key, _ = factories.key(acme, "crm-sync")
    rules = policy_changes.Rules(may_last_forever=False)
    beside(
        key,
        noting(acme, by),
        lambda: policy_changes.save(acme, rules, by, version=policies.of(acme).version, seen=9),
    )
    assert ApiKey.objects.get(pk=key.pk).expires_at is not None


@pytest.mark.parametrize("held", [0, 1])
@pytest.mark.parametrize("change", [keys.disable_all, keys.enable_all, keys.delete_all])
def test_a_change_of_several_keys_beside_one_of_them(
    acme: Team, by: Actor, held: int, change: Callable[[list[ApiKey], Actor], object]
) -> None:
    given = [factories.key(acme, name)[0] for name in ("a", "b")]
    is_enabling = change is keys.enable_all
    if is_enabling:
        keys.disable_all(given, by)
    beside(given[held], noting(acme, by), lambda: change(given, by))
    found = ApiKey.objects.filter(pk__in=[key.pk for key in given])
    assert found.kept().filter(disabled_at=None).count() == (2 if is_enabling else 0)


def test_a_deleted_key_with_a_replacement_beside_a_change_of_it(acme: Team, by: Actor) -> None:
    flow = factories.chatflow(acme, "FAQ")
    key, _ = factories.key(acme, "old", flow)
    other, _ = factories.key(acme, "new")
    beside(key, noting(acme, by), lambda: keys.delete(key, by, replacement=other))
    assert Selection.objects.filter(key=other, chatflow=flow).exists()


def test_chatflows_of_a_key_beside_the_keys_of_a_chatflow(acme: Team, by: Actor) -> None:
    flow = factories.chatflow(acme, "FAQ")
    key, _ = factories.key(acme, "crm-sync")
    beside(
        flow,
        lambda: Selection.objects.create(chatflow=flow, key=key),
        lambda: details.choose_chatflows(key, {flow.id}, frozenset(), by),
    )
    assert Selection.objects.filter(key=key, chatflow=flow).count() == 1


def test_a_key_that_moves_into_an_account_beside_a_change_of_that(acme: Team, by: Actor) -> None:
    account = service_accounts.create(acme, service_accounts.About("crm", "production"), by)
    key, _ = factories.key(acme, "crm-sync")
    moved = details.Details("crm-sync", service_account=account)
    beside(
        account,
        lambda: ApiKey.objects.filter(pk=key.pk).update(note="Changed."),
        lambda: details.change(key, moved, by, version=key.version),
    )
    assert ApiKey.objects.get(pk=key.pk).service_account == account


def test_a_key_that_two_delete_is_deleted_once(acme: Team, by: Actor) -> None:
    key, _ = factories.key(acme, "crm-sync")
    beside(
        key,
        lambda: ApiKey.objects.filter(pk=key.pk).update(deleted_at=timezone.now()),
        lambda: keys.delete(key, by),
    )
    assert not audit_rows(acme, "api_key.delete")


def audit_rows(team: Team, action: str) -> list[str]:
    found = AuditEvent.objects.filter(team_id=team.id, action=action)
    return list(found.values_list("target_name", flat=True))
