"""Whoever refers to a row locks it at the commit, with the head of the audit chain in hand.

PostgreSQL checks foreign keys then. A change that locks the row and waits for the head must let
such a reference in, or the two wait in a circle.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.bounds import NO_LIMITS
from accounts.models import Team, User
from accounts.permissions import Actor
from accounts.services import service_accounts
from accounts.services.service_accounts import About
from apikeys.models import ApiKey
from apikeys.services import details, keys
from apikeys.services.life import expiry, hand_overs, rotation
from chatflows.models import Chatflow, FaqEntry, Selection
from chatflows.services import chatflows
from tests import factories
from tests.apikeys.test_lock_order import beside, noting, wait_until_one_waits
from tests.config.openapi.callers import caller

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer, which waits for nobody"
    ),
]

DAY = timedelta(days=1)
Change = Callable[[], object]
OF_KEYS: dict[str, Callable[[ApiKey, Actor], object]] = {
    "details": lambda key, by: details.change(
        key, details.Details("crm-sync", note="New"), by, version=key.version
    ),
    "limits": lambda key, by: details.change_limits(
        key, NO_LIMITS._replace(day=5), by, version=key.version
    ),
    "end": lambda key, by: expiry.set_end(key, timezone.now() + DAY, by),
    "rotation": lambda key, by: rotation.rotate(key, by, overlap=DAY),
    "revocation": rotation.revoke_secrets,
    "new text": lambda key, by: keys.issue(key, by, replace=True),
    "hand-over": lambda key, by: hand_overs.make(key, by, lifetime=DAY),
}


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor("person", str(alice.pk), alice.username)


def meet(refer: Change, note: Change, change: Change) -> None:
    """Refer to a row and note it. Commit once a change of that row has come to wait."""

    def run() -> None:
        try:
            change()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            refer()
            note()
            running = pool.submit(run)
            wait_until_one_waits()
        running.result(10)


@pytest.mark.parametrize("name", OF_KEYS)
def test_a_change_of_a_key_beside_a_new_selection_of_it(acme: Team, by: Actor, name: str) -> None:
    flow = factories.chatflow(acme, "FAQ")
    key, _ = factories.key(acme, "crm-sync")
    meet(
        lambda: Selection.objects.create(chatflow=flow, key=key),
        noting(acme, by),
        lambda: OF_KEYS[name](key, by),
    )
    assert Selection.objects.filter(chatflow=flow, key=key).exists()


def test_a_change_of_an_account_beside_a_new_key_of_it(acme: Team, by: Actor) -> None:
    account = service_accounts.create(acme, About("crm", "production"), by)
    meet(
        lambda: keys.create(acme, "new", by, service_account=account),
        lambda: None,
        lambda: service_accounts.disable(account, by),
    )
    assert ApiKey.objects.get(name="new").service_account == account


def test_a_change_of_a_chatflow_beside_a_new_answer_in_it(acme: Team, by: Actor) -> None:
    flow, access = factories.chatflow(acme, "FAQ"), chatflows.Access("off", frozenset())
    meet(
        lambda: FaqEntry.objects.create(chatflow=flow, question="Q", answer="A"),
        noting(acme, by),
        lambda: chatflows.save_access(flow, access, by, version=flow.version),
    )
    assert Chatflow.objects.get(pk=flow.pk).access_mode == "off"


@pytest.mark.parametrize("action", ["disable", "enable", "revoke", "delete"])
def test_a_change_of_several_keys_beside_a_change_of_the_last(
    acme: Team, by: Actor, action: str
) -> None:
    given = sorted((factories.key(acme, name)[0] for name in ("a", "b")), key=lambda key: key.pk)
    if action == "enable":
        keys.disable_all(given, by)
    robot = caller(acme, "apikeys:update", "apikeys:delete", "predictions:create")
    body = {"action": action, "ids": [str(key.pk) for key in given]}
    answers = []
    beside(
        given[1],
        noting(acme, by),
        lambda: answers.append(robot("POST", "/apikey/bulk", body).status_code),
    )
    assert answers == [200]
