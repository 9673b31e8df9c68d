"""Query budgets: what each page may ask the database, the same for few rows and for many."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role, Team
from chatflows.models import Chatflow
from chatflows.services import calls, faq_entries
from tests import factories
from tests.conftest import Integration

pytestmark = pytest.mark.django_db

# Page: statements, sessions and login among them. Lower is welcome; higher wants a reason.
BUDGET = {
    "audit_list": 5,
    "member_list": 9,
    "member_leave": 6,
    "service_account_list": 5,
    "mail_list": 6,
    "key_list": 8,
    "key_new": 6,
    "key_first_call": 7,
    "key_delete": 9,
    "chatflow_list": 7,
    "chatflow_new": 4,
    "chatflow_access": 9,
    "chatflow_calls": 5,
    "chatflow_engine": 9,
    "faq_import": 5,
    "faq_export": 5,
    "chatflow_try": 5,
    "chatflow_use": 5,
    "chatflow_postman": 4,
    "chatflow_settings": 7,
    "team_settings": 4,
    "flow_app": 6,
    "flow_app_edit": 5,
    "chatflow_delete": 6,
    "account_login": 0,
    "home": 3,
}
Assert = Callable[..., Any]


@pytest.fixture
def rows(acme: Team, faq: Chatflow, integration: Integration) -> Callable[[int], None]:
    """Makes more of everything."""

    def more(start: int) -> None:
        for n in range(start, start + 2):
            flow = factories.chatflow(acme, f"Flow {n}")
            key, _ = factories.key(acme, f"key-{n}", flow, faq)
            faq_entries.add(faq, f"Question {n}?", "Answer.", factories.TESTER)
            calls.write([factories.call(flow, key), factories.call(faq, integration.key)])
            factories.join(acme, factories.user(f"person{n}"), Role.VIEWER)
            factories.mail(acme)

    return more


def url(name: str, faq: Chatflow, integration: Integration) -> str:
    if name in ("account_login", "home"):
        return reverse(name)
    arguments: list[object] = ["acme"]
    if name.startswith("key_") and name not in ("key_list", "key_new"):
        arguments.append(integration.key.id)
    if name.startswith(("chatflow_", "faq_")) and name not in ("chatflow_list", "chatflow_new"):
        arguments.append(faq.id)
    return reverse(name, args=arguments)


@pytest.mark.parametrize("name", BUDGET)
def test_a_page_stays_in_its_budget_however_many_rows_there_are(  # noqa: PLR0917
    name: str,
    as_alice: Client,
    faq: Chatflow,
    integration: Integration,
    rows: Callable[[int], None],
    django_assert_max_num_queries: Assert,
) -> None:
    browser = Client() if name == "account_login" else as_alice
    path = url(name, faq, integration)
    counts = []
    for start in (0, 2, 4):
        rows(start)
        with django_assert_max_num_queries(BUDGET[name]) as asked:
            response = browser.get(path)
        assert response.status_code in (200, 302)
        counts.append(len(asked))
    assert counts[0] == counts[1] == counts[2]
