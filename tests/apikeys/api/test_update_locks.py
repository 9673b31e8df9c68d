"""A change by program locks its rows in the order of the pages: none waits in a circle."""

import pytest
from django.db import connection

from accounts.models import Team, User
from accounts.permissions import Actor
from accounts.services import service_accounts
from apikeys.models import ApiKey
from chatflows.models import Selection
from tests import factories
from tests.apikeys.test_lock_order import beside, noting
from tests.config.openapi.callers import caller

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite has one writer, which waits for nobody"
    ),
]


@pytest.mark.parametrize("held", ["chatflow", "service account", "key"])
def test_a_whole_change_beside_a_change_of_what_it_names(
    acme: Team, alice: User, held: str
) -> None:
    by = Actor("person", str(alice.pk), alice.username)
    flow = factories.chatflow(acme, "FAQ")
    account = service_accounts.create(acme, service_accounts.About("crm", "production"), by)
    key, _ = factories.key(acme, "crm-sync")
    ours = caller(acme, "apikeys:update", "chatflows:update", "predictions:create")
    change = {
        "name": "renamed",
        "service_account": str(account.id),
        "chatflows": [str(flow.id)],
        "limits": {"streams": 1},
        "disabled": True,
    }
    answers = []
    row = {"chatflow": flow, "service account": account, "key": key}[held]
    beside(
        row,
        noting(acme, by),
        lambda: answers.append(ours("PATCH", f"/apikey/{key.id}", change).status_code),
    )
    assert answers == [200]
    assert ApiKey.objects.get(pk=key.pk).service_account == account
    assert Selection.objects.filter(key=key, chatflow=flow).exists()
