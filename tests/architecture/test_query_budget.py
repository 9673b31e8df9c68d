"""Query budgets: what each page may ask the database, the same for few rows and for many."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse

from accounts.models import AuditEvent, Membership, Role, ServiceAccount, Team, User
from accounts.services import service_accounts, teams
from accounts.services.service_accounts import About
from apikeys.models import ApiKey
from apikeys.services import keys
from chatflows.calls import store
from chatflows.faq import entries
from chatflows.flow_app import chats, flow_apps, visits
from chatflows.flow_app.chats import Shown
from chatflows.flow_app.flow_apps import Login
from chatflows.models import Chatflow
from tests import factories
from tests.conftest import Integration

# Page: statements, sessions and login among them. Lower is welcome; higher wants a reason.
BUDGET = {
    "audit_list": 6,
    "member_list": 9,
    "member_leave": 8,
    "member_role": 6,
    "member_remove": 18,
    "member_keys": 17,
    "member_hand_over": 5,
    "service_account_list": 7,
    "service_account_new": 5,
    "service_account_edit": 8,
    "service_account_delete": 7,
    "mail_list": 6,
    "key_list": 12,  # used and never used keys are two statements: see key_lists.py
    "key_new": 9,
    "key_first_call": 7,
    "key_page": 30,
    "key_rotate": 12,
    "key_hand_over": 12,
    "key_extend": 9,
    "developer": 8,
    "key_policy": 5,
    "key_policy_preview": 10,
    "key_edit_details": 9,
    "key_edit_limits": 9,
    "key_edit_where": 9,
    "key_edit_scopes": 9,
    "key_revoke": 9,
    "key_pin": 11,
    "key_delete": 13,  # offers other keys as a list does, in place of every key
    "chatflow_list": 7,
    "chatflow_new": 4,
    "chatflow_access": 14,  # likewise, and what was taken of the limits
    "chatflow_calls": 6,
    "chatflow_engine": 9,
    "faq_import": 5,
    "faq_export": 5,
    "chatflow_try": 5,
    "chatflow_use": 7,
    "chatflow_postman": 6,
    "chatflow_settings": 7,
    "team_settings": 4,
    "flow_app": 6,
    "flow_app_edit": 5,
    "chatflow_delete": 6,
    "account_login": 0,
    "forgotten_password": 0,
    "home": 3,
    "guide_list": 3,
    "guide": 3,
    "profile": 7,
    "account": 4,
    "team_home": 4,
    "operator_home": 2,
    "change_password": 3,
    "account_reauthenticate": 2,
    "operator_teams": 6,
    "operator_team_new": 4,
    "operator_team_rename": 5,
    "operator_team_delete": 5,
    "operator_mail_list": 6,
    "holder": 0,
    "flow_login": 2,
    "flow_home": 3,
    "hosted_chat": 5,
}
Assert = Callable[..., Any]


NOBODYS = ("account_login", "forgotten_password", "holder")
VISITORS = ("flow_login", "flow_home", "hosted_chat")


class Many(NamedTuple):
    """A team that grows, and what its pages are about."""

    team: Team
    faq: Chatflow
    integration: Integration
    account: ServiceAccount
    member: Membership
    shop: ApiKey  # a publishable key

    def grow(self, numbers: range) -> None:
        """One more of everything for each number."""
        for n in numbers:
            flow = factories.chatflow(self.team, f"Flow {n}")
            account = service_accounts.create(
                self.team,
                About(f"Machine {n}", "production", owner=self.member.user),
                factories.TESTER,
            )
            key, _ = keys.add(
                self.team,
                f"key-{n}",
                factories.TESTER,
                created_by=self.member.user,
                service_account=account,
                opens=[flow.id, self.faq.id],
            )
            entries.add(self.faq, f"Question {n}?", "Answer.", factories.TESTER)
            store.write([factories.call(flow, key), factories.call(self.faq, self.integration.key)])
            factories.join(self.team, factories.user(f"person{n}"), Role.VIEWER)
            factories.mail(self.team)
            factories.mail(None)
            teams.add_owner(factories.team(f"Team {n}"), self.member.user, factories.TESTER)
            chats.save(flow, Shown(True, f"Chat {n}"), factories.TESTER)
            factories.client(User.objects.get(username="alice"))

    def url(self, name: str) -> str:
        """Where a page is."""
        arguments: dict[str, list[object]] = {
            "operator_team_rename": [self.team.id],
            "operator_team_delete": [self.team.id],
            "guide": ["people"],
            "hosted_chat": ["acme", self.faq.id],
            "key_pin": ["acme", self.shop.id],
        }
        about = {
            "key_": self.integration.key.id,
            "chatflow_": self.faq.id,
            "faq_": self.faq.id,
            "member_": self.member.id,
            "service_account_": self.account.id,
        }
        if name in arguments:
            return reverse(name, args=arguments[name])
        tries: list[list[object]] = [[], ["acme"]]
        tries += [["acme", one] for start, one in about.items() if name.startswith(start)]
        for one in tries:
            with suppress(NoReverseMatch):
                return reverse(name, args=one)
        raise LookupError(name)


def few() -> Many:
    """The team while it has one of everything."""
    acme = factories.team("Acme")
    alice, vera = factories.user("alice"), factories.user("vera")
    teams.add_owner(acme, alice, factories.TESTER)
    factories.join(acme, vera, Role.VIEWER)
    User.objects.filter(pk=alice.pk).update(is_operator=True)
    faq = factories.chatflow(acme, "Support FAQ")
    integration = Integration(*factories.key(acme, "crm-sync", faq))
    account = service_accounts.create(acme, About("Sync", "production", "", vera), factories.TESTER)
    keys.add(acme, "veras", factories.TESTER, created_by=vera, opens=[faq.id])
    flow_apps.save(acme, "password", Login("guests", "seven quiet lanterns"), factories.TESTER)
    chats.save(faq, Shown(True, "Ask"), factories.TESTER)
    shop, _ = factories.publishable(acme, "web-shop", faq)
    return Many(acme, faq, integration, account, Membership.objects.get(user=vera), shop)


def owner() -> Client:
    """The owner's browser, fresh from the login."""
    return factories.client(User.objects.get(username="alice"), is_fresh=True)


def visitor(team: Team) -> Client:
    """The browser of someone who is in the flow app."""
    browser = Client()
    _, browser.cookies[settings.FLOW_COOKIE_NAME] = visits.begin(flow_apps.of(team))
    return browser


@pytest.fixture(scope="module")
def asked(django_db_setup: None, django_db_blocker: Any) -> dict[str, list[list[str]]]:
    """The statements of each page, when the team has few rows, more and many."""
    found: dict[str, list[list[str]]] = {name: [] for name in BUDGET}
    with django_db_blocker.unblock(), undone():
        many = few()
        browsers = {name: Client() for name in NOBODYS}
        browsers |= dict.fromkeys(VISITORS, visitor(many.team))
        alice = owner()
        for start in (0, 2, 4):
            many.grow(range(start, start + 2))
            for name, statements in found.items():
                statements.append(statements_of(browsers.get(name, alice), many.url(name)))
    return found


def statements_of(browser: Client, url: str) -> list[str]:
    """What a page asks the database; what it writes is undone."""
    with undone(), CaptureQueriesContext(connection) as captured:
        response = browser.get(url)
    assert response.status_code in (200, 302), url
    return [query["sql"] for query in captured.captured_queries]


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside leaves nothing behind."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.parametrize("name", BUDGET)
def test_a_page_stays_in_its_budget_however_many_rows_there_are(
    name: str, asked: dict[str, list[list[str]]]
) -> None:
    counts = [len(statements) for statements in asked[name]]
    assert counts[0] == counts[1] == counts[2], "\n".join(asked[name][2])
    assert counts[0] <= BUDGET[name], "\n".join(asked[name][0])


@pytest.mark.django_db
def test_long_lists_stay_in_their_budgets(django_assert_max_num_queries: Assert) -> None:
    many = few()
    alice = owner()
    many.grow(range(50))
    assert AuditEvent.objects.filter(team_id=many.team.id).count() > 250
    for name in ("audit_list", "member_list", "service_account_list", "key_list", "mail_list",
                 "chatflow_list", "operator_teams", "operator_mail_list", "profile"):  # fmt: skip
        with django_assert_max_num_queries(BUDGET[name]):
            assert alice.get(many.url(name)).status_code == 200
