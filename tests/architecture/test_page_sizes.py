"""Sizes of pages: with 1,000 rows of everything, each is light to send and to draw."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Count
from django.test import Client

from accounts.models import Membership, Role, ServiceAccount, Team, User
from accounts.services import teams
from apikeys.models import ApiKey
from apikeys.services import keys
from chatflows.models import Call, Chatflow, Selection
from tests import factories, icons, rows
from tests.architecture import test_query_budget as budget
from tests.bench import many
from tests.conftest import Integration

pytestmark = pytest.mark.django_db

ROWS = 1_000
MAX_BYTES = 120 * 1024
MAX_BYTES_OF_LISTS = 105 * 1024
MAX_NODES = 2_500
LISTS = {
    "/t/acme/keys/": 12,  # statements: one more than in test_query_budget.py where rows are counted
    "/t/acme/chatflows/": 7,
    "/t/acme/members/": 10,
    "/t/acme/members/invitations/all/": 7,
    "/t/acme/service-accounts/": 7,
    "/t/acme/mail/": 7,
    "/t/acme/audit/": 6,
    "/operator/teams/": 6,
    "/operator/mail/": 7,
    "calls": 8,
}
Assert = Any
# Every other page of people that a team can fill. Those that lead on are measured where they lead.
LEADING = {"key_hand_over", "chatflow_calls", "home", "team_home", "operator_home", "member_leave"}
LEADING |= {
    *budget.NOBODYS,
    *budget.VISITORS,
    "faq_export",
    "chatflow_postman",
    "guide",
    "guide_list",
}
ALL_PAGES = sorted(budget.BUDGET.keys() - LEADING)


class Nodes(HTMLParser):
    """Counts the elements of a page."""

    count = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Count one."""
        self.count += 1


@pytest.fixture(scope="module")
def alice(django_db_setup: None, django_db_blocker: Any) -> Iterator[Client]:
    """The browser of the owner of a team, and of an installation, with 1,000 of everything."""
    with django_db_blocker.unblock(), transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(many, "CALLS", 2 * ROWS)
        patch.setattr(many, "USED", 200)
        acme, owner = factories.team("Acme"), factories.user("alice")
        teams.add_owner(acme, owner, factories.TESTER)
        rows.fill(acme, ROWS)
        User.objects.filter(pk=owner.pk).update(is_operator=True)
        yield factories.client(owner, is_fresh=True)
        transaction.set_rollback(True)


@pytest.mark.parametrize("name", ALL_PAGES)
def test_no_page_grows_with_the_team(name: str, alice: Client) -> None:
    response = alice.get(one_of_each().url(name))
    assert response.status_code == 200
    nodes = Nodes()
    nodes.feed(response.content.decode())
    size = len(response.content)
    assert size <= MAX_BYTES
    assert nodes.count <= MAX_NODES


def one_of_each() -> budget.Many:
    """Return what the pages are about, in the team of 1,000: what has most of all."""
    acme = Team.objects.get(slug="acme")
    account = ServiceAccount.objects.of(acme).order_by("name_key")[0]
    busy = Selection.objects.values("chatflow").annotate(n=Count("pk")).order_by("-n")[0]
    key = ApiKey.objects.of(acme).get(name=ApiKey.DEFAULT_NAME)  # it opens every chatflow
    if key.secret is None:
        keys.issue(key, factories.TESTER)
    makers = ApiKey.objects.of(acme).values("created_by").annotate(n=Count("pk")).order_by("-n")
    maker = next(row["created_by"] for row in makers if row["created_by"])
    member = Membership.objects.filter(team=acme, user=maker).first()
    if member is None:
        member = Membership.objects.create(team=acme, user_id=maker, role=Role.EDITOR)
    flow = Chatflow.objects.get(pk=busy["chatflow"])
    shop = ApiKey.objects.of(acme).filter(pinned_to__isnull=False).first()
    shop = shop or factories.publishable(acme, "web-shop", flow)[0]
    return budget.Many(acme, flow, Integration(key, ""), account, member, shop)


@pytest.mark.parametrize("path", LISTS)
def test_a_list_of_a_thousand_is_light(
    path: str, alice: Client, django_assert_max_num_queries: Assert
) -> None:
    acme = Team.objects.get(slug="acme")
    busiest = Call.objects.of(acme).values_list("chatflow_id", flat=True)[0]
    url = f"/t/acme/chatflows/{busiest}/calls/all/" if path == "calls" else path
    with django_assert_max_num_queries(LISTS[path]):
        page = alice.get(url)
    assert page.status_code == 200
    nodes = Nodes()
    nodes.feed(page.content.decode())
    assert len(page.content) <= MAX_BYTES_OF_LISTS
    assert nodes.count <= MAX_NODES


def test_the_sprite_holds_every_icon_that_a_list_draws() -> None:
    assert icons.SPRITE.read_text() == icons.sprite(), "run `python -m tests.icons`"
