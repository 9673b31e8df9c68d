"""New key: what it may do, from where, how often and until when; and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Environment, Role, Team, User
from accounts.permissions import ROLE_PERMISSIONS, SCOPES, Permission
from accounts.services import refused_changes, service_accounts
from accounts.services.service_accounts import About
from apikeys.models import ApiKey, KeyPolicy, KeySecret, Kind
from chatflows.models import Chatflow, Selection
from tests import access_table, factories
from tests.apikeys.pages import NEVER, NEW

pytestmark = pytest.mark.django_db

NAMED = {"name": "k", **NEVER}
CHOSEN = {**NAMED, "preset": "choose"}
FAR = "2099-01-01"


@pytest.fixture
def public(faq: Chatflow) -> dict[str, Any]:
    """The form of a publishable key."""
    return {
        **NAMED,
        "kind": "publishable",
        "pinned_to": str(faq.id),
        "origins": "https://shop.example.com",
        "limit_minute": "60",
    }


def made() -> ApiKey:
    return ApiKey.objects.get(name="k")


def errors(body: bytes) -> str:
    """The words of the page's errors."""
    return " ".join(part.split("</div>")[0] for part in body.decode().split('class="errors"')[1:])


def test_a_key_gets_all_that_was_asked_for(as_alice: Client, acme: Team, adam: User) -> None:
    form = {
        **CHOSEN,
        "scopes": ["predictions:create", "apikeys:update"],
        "environment": "staging",
        "contact": "adam",
        "networks": "203.0.113.0/24\n2001:db8::/32",
        "limit_minute": "60",
        "limit_budget": "25.50",
    }
    response = as_alice.post(NEW, form)
    assert response.status_code == 200
    key = made()
    assert key.scopes == ["apikeys:update", "apikeys:view", "predictions:create"]
    assert (key.kind, key.environment, key.contact) == (Kind.SECRET, "staging", adam)
    assert key.networks == ["203.0.113.0/24", "2001:db8::/32"]
    assert (key.limits.minute, key.limits.budget) == (60, 25_500_000_000)
    noted = AuditEvent.objects.get(action="api_key.create", target_id=str(key.id)).after
    assert noted is not None
    assert noted["networks"] == key.networks
    assert noted["limit_minute"] == 60
    assert "limit_day" not in noted
    assert "change keys; read the names of keys" in response.content.decode()


def test_a_service_accounts_environment_is_the_keys(as_alice: Client, acme: Team) -> None:
    account = service_accounts.create(acme, About("Sync", "staging"), factories.TESTER)
    as_alice.post(NEW, {**NAMED, "service_account": account.name, "environment": "production"})
    assert made().environment == Environment.STAGING


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("predict", {"predictions:create"}),
        ("read", {s for s in ROLE_PERMISSIONS[Role.EDITOR] if s.endswith(":view")}),
        ("all", ROLE_PERMISSIONS[Role.EDITOR] & SCOPES),
    ],
)
def test_a_preset_gives_what_the_maker_may_give(
    as_eddie: Client, acme: Team, preset: str, expected: set[str]
) -> None:
    # The boxes of *Choose* are sent with every preset; nothing is read from them.
    as_eddie.post(NEW, {**NAMED, "preset": preset, "scopes": ["audit:view"]})
    assert set(made().scopes) == expected


ROWS = dict(access_table.scope_rows())


@pytest.mark.parametrize("role", access_table.ROLES)
def test_a_role_gives_the_scopes_of_the_committed_table(acme: Team, role: str) -> None:
    person = factories.user(role)
    factories.join(acme, person, Role(role))
    browser = factories.client(person, is_fresh=True)
    for number, (scope, may_give) in enumerate(ROWS.items()):
        form = {**CHOSEN, "name": f"k{number}", "scopes": [scope]}
        status = browser.post(NEW, form).status_code
        assert status == (200 if may_give[role] else 403), scope
    assert ApiKey.objects.filter(name__startswith="k").count() == sum(
        r[role] for r in ROWS.values()
    )


def test_who_gives_more_than_the_role_has_is_noted(as_eddie: Client, acme: Team) -> None:
    refused_changes._counts.clear()
    before = factories.state()
    form = {**CHOSEN, "scopes": ["predictions:create", "audit:view"]}
    assert as_eddie.post(NEW, form).status_code == 403
    assert factories.state() == before
    assert AuditEvent.objects.get(action="change.refuse").target_id == "key_new"


@pytest.mark.parametrize(
    "sent",
    [
        ["chatflows:*"],
        ["*"],
        ["Predictions:create"],
        [" predictions:create"],
        ["predictions:create "],
        [""],
        [],
        ["predictions:create", "predictions:create"],
        ["predictions:create"] * 500,
        ["team:update"],
        ["mails:view"],
        ["x" * 5000],
        ["predictions:create\0"],
    ],
    ids=lambda sent: repr(sent)[:40],
)
def test_odd_scopes_are_refused_beside_their_field(
    as_alice: Client, acme: Team, sent: list[str]
) -> None:
    response = as_alice.post(NEW, {**CHOSEN, "scopes": sent})
    assert response.status_code == 422
    assert "scope" in errors(response.content) or "twice" in errors(response.content)
    assert ApiKey.objects.count() == 1


def test_ten_thousand_scopes_make_nothing(as_alice: Client, acme: Team) -> None:
    response = as_alice.post(NEW, {**CHOSEN, "scopes": ["predictions:create"] * 10_000})
    assert response.status_code in (400, 422)
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("limit_minute", "0", "Use a number from 1 to"),
        ("limit_day", "-1", "Use a number from 1 to"),
        ("limit_tokens", str(2**63), "Use a number from 1 to"),
        ("limit_budget", "0", "Use an amount from 0.01 to"),
        ("limit_budget", "NaN", "Write a number"),
        ("networks", "203.0.113.7/24", "lies inside its network"),
        ("networks", "::ffff:203.0.113.0/120", "IPv4"),
        ("networks", "0.0.0.0/0", "every address"),
        ("networks", "\n".join(f"10.0.{n}.0/24" for n in range(60)), "At most 50"),
        ("environment", "moon", "Choose one of the list"),
        ("contact", "999999", "Choose one of the list"),
        ("kind", "magic", "Choose one of the list"),
        ("preset", "magic", "Choose one of the list"),
        ("opens", "nonsense", "Choose one of the list"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_odd_bounds_are_refused_beside_their_field(
    as_alice: Client, acme: Team, field: str, value: str, says: str
) -> None:
    response = as_alice.post(NEW, {**NAMED, field: value})
    assert response.status_code == 422
    assert says in errors(response.content)
    assert ApiKey.objects.count() == 1


def test_a_stranger_is_no_contact(as_alice: Client, acme: Team, mallory: User) -> None:
    response = as_alice.post(NEW, {**NAMED, "contact": "mallory"})
    assert response.status_code == 422
    assert "No member has this name" in response.content.decode()


def test_a_publishable_key_opens_its_one_chatflow(
    as_alice: Client, faq: Chatflow, public: dict[str, Any]
) -> None:
    other = factories.chatflow(faq.team, "Other")
    # What only a secret key has is not read, whatever it is.
    more = {"preset": "all", "opens": [str(other.id)], "networks": "nonsense"}
    assert as_alice.post(NEW, {**public, **more}).status_code == 302  # to its own page
    key = made()
    assert (key.kind, key.pinned_to, key.scopes) == (
        Kind.PUBLISHABLE,
        faq.id,
        ["predictions:create"],
    )
    assert key.origins == ["https://shop.example.com"]
    assert key.networks == []
    assert [selection.chatflow for selection in Selection.objects.filter(key=key)] == [faq]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"pinned_to": ""}, "Choose the one chatflow"),
        ({"pinned_to": "nonsense"}, "Choose one of the list"),
        ({"pinned_to": str(factories.NOBODYS_ID)}, "This chatflow is gone."),
        ({"origins": ""}, "List the web pages"),
        ({"origins": "*"}, "star"),
        ({"origins": "https://*.com"}, "star"),
        ({"origins": "javascript:alert(1)"}, "https://"),
        ({"origins": "https://shop.example.com/path"}, "no path"),
        ({"origins": "https://me@shop.example.com"}, "user name"),
        ({"limit_minute": "", "limit_month": "5"}, "needs a limit a minute or a day"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_publishable_key_is_bounded_or_not_made(
    as_alice: Client, public: dict[str, Any], change: dict[str, str], says: str
) -> None:
    response = as_alice.post(NEW, {**public, **change})
    assert response.status_code == 422
    assert says in errors(response.content)
    assert ApiKey.objects.count() == 1
    assert not KeySecret.objects.exists()


def test_all_that_a_publishable_key_lacks_is_said_at_once(as_alice: Client, acme: Team) -> None:
    response = as_alice.post(NEW, {**NAMED, "kind": "publishable", "name": ""})
    assert response.status_code == 422
    for words in ("Fill this in", "Choose the one chatflow", "List the web pages", "needs a limit"):
        assert words in errors(response.content)


def test_another_teams_chatflow_is_no_pin(
    as_alice: Client, public: dict[str, Any], globex: Team
) -> None:
    foreign = factories.chatflow(globex, "Foreign")
    answers = [
        as_alice.post(NEW, {**public, "pinned_to": str(pin)})
        for pin in (foreign.id, factories.NOBODYS_ID)
    ]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert "Foreign" not in answers[0].content.decode()
    assert errors(answers[0].content) == errors(answers[1].content)


def test_a_policy_offers_only_what_it_allows(as_alice: Client, acme: Team) -> None:
    KeyPolicy.objects.create(
        team=acme, longest_life=90, may_last_forever=False, scopes=["usage:view"]
    )
    page = as_alice.get(NEW).content.decode()
    assert "The key policy allows 90 days at most." in page
    for value, is_offered in (("30", True), ("90", True), ("365", False), ("never", False)):
        assert (f'name="expires" value="{value}"' in page) is is_offered
    assert 'value="usage:view"' in page
    assert 'value="audit:view"' not in page
    last = (timezone.now() + timedelta(days=90)).date()
    for form, says in (
        ({**NAMED}, "Choose one of the list"),
        ({"name": "k", "expires": "365"}, "Choose one of the list"),
        ({"name": "k", "expires": "date", "expires_on": FAR}, "allows no end after"),
        ({**CHOSEN, "expires": "90", "scopes": ["audit:view"]}, "does not allow audit:view"),
    ):
        response = as_alice.post(NEW, form)
        assert response.status_code == 422
        assert says in errors(response.content)
    assert ApiKey.objects.count() == 1
    form = {"name": "k", "expires": "date", "expires_on": last.isoformat(), "preset": "all"}
    assert as_alice.post(NEW, form).status_code == 200
    key = made()
    assert key.expires_at is not None
    assert key.expires_at.date() == last
    assert set(key.scopes) == {"predictions:create", "usage:view"}


def test_a_policy_may_ask_for_some_end(as_alice: Client, acme: Team) -> None:
    KeyPolicy.objects.create(team=acme, may_last_forever=False)
    assert "The key policy asks for an end." in as_alice.get(NEW).content.decode()
    assert as_alice.post(NEW, {**NAMED}).status_code == 422
    form = {"name": "k", "expires": "date", "expires_on": FAR}
    assert as_alice.post(NEW, form).status_code == 200
    assert made().expires_at == datetime(2099, 1, 1, 23, 59, 59, tzinfo=UTC)


def test_the_page_shows_the_days_that_terms_mean(as_alice: Client, acme: Team) -> None:
    page = as_alice.get(NEW).content.decode()
    day = timezone.now() + timedelta(days=90)
    assert f'<small data-expires="90">{day.day} {day:%B %Y}</small>' in page


def test_the_page_shows_an_editor_no_scope_to_give_away(as_eddie: Client, acme: Team) -> None:
    page = as_eddie.get(NEW).content.decode()
    for scope in SCOPES:
        is_shown = f'name="scopes" value="{scope}"' in page
        assert is_shown is (Permission(scope) in ROLE_PERMISSIONS[Role.EDITOR])


def test_what_was_typed_survives_a_refusal(as_alice: Client, public: dict[str, Any]) -> None:
    form = {**public, "name": "", "preset": "choose", "scopes": ["usage:view"]}
    page = as_alice.post(NEW, form).content.decode()
    assert 'value="publishable" autocomplete="off" checked' in page
    assert f'value="{public["pinned_to"]}" autocomplete="off" checked' in page
    assert 'name="scopes" value="usage:view" autocomplete="off" checked' in page
    assert 'name="scopes" value="predictions:create" autocomplete="off" checked' not in page
    assert "https://shop.example.com</textarea>" in page


def test_the_picker_lists_fifty_and_what_is_chosen(as_alice: Client, acme: Team) -> None:
    flows = [factories.chatflow(acme, f"Flow {n:02}") for n in range(52)]
    page = as_alice.get(NEW, {"chatflow": str(flows[51].id)}).content.decode()
    assert f'name="opens" value="{flows[51].id}" autocomplete="off" checked' in page
    assert page.count('name="opens"') == 51
    assert "Search to see the others" in page
    form = {**NAMED, "opens": [str(flows[50].id), str(flows[51].id)]}
    assert as_alice.post(NEW, form).status_code == 200
    assert set(made().chatflows.all()) == set(flows[50:])
