"""The forms that change a key: what they save, refuse, and how two people don't overwrite."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.bounds import Limits
from accounts.models import AuditEvent, Team, User
from accounts.permissions import Actor
from accounts.services import service_accounts
from accounts.services.service_accounts import About
from apikeys.models import ApiKey, KeyPolicy
from apikeys.services import details
from apikeys.services.details import Details
from chatflows.models import Chatflow
from tests import factories
from tests.conftest import Integration

pytestmark = pytest.mark.django_db

DETAILS: dict[str, Any] = {"name": "crm-sync", "environment": "production"}


def url(key: ApiKey, page: str) -> str:
    return f"/t/acme/keys/{key.id}/{page}/"


def now(key: ApiKey) -> ApiKey:
    return ApiKey.objects.get(pk=key.pk)


def send(browser: Client, key: ApiKey, page: str, fields: dict[str, Any]) -> Any:
    return browser.post(url(key, page), {"version": now(key).version, **fields})


def last_event(action: str) -> AuditEvent:
    return AuditEvent.objects.filter(action=action).latest("sequence")


def test_details_are_saved_with_before_and_after(
    as_eddie: Client, eddie: User, integration: Integration
) -> None:
    typed = {**DETAILS, "name": "crm", "note": "Nightly", "contact": "eddie", "rotate_every": 90}
    answer = send(as_eddie, integration.key, "edit", {**typed, "environment": "staging"})
    assert answer["Location"] == f"/t/acme/keys/{integration.key.id}/"
    key = now(integration.key)
    assert (key.name, key.note, key.contact, key.rotate_every) == ("crm", "Nightly", eddie, 90)
    assert (key.environment, key.version) == ("staging", 2)
    event = last_event("api_key.update")
    assert (event.before or {})["name"] == "crm-sync"
    assert (event.after or {})["name"] == "crm"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 65),
        ("name", "DefaultKey"),
        ("name", "see www.example.com"),
        ("name", "\u202ename"),
        ("note", "x" * 301),
        ("environment", "moon"),
        ("contact", "999999"),
        ("contact_email", "two@example.com, three@example.com"),
        ("service_account", str(factories.NOBODYS_ID)),
        ("rotate_every", "0"),
        ("rotate_every", "-1"),
        ("rotate_every", str(2**63)),
    ],
)
def test_bad_details_are_refused_with_the_field_named(
    as_eddie: Client, integration: Integration, field: str, value: str
) -> None:
    answer = send(as_eddie, integration.key, "edit", {**DETAILS, field: value})
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert now(integration.key).version == 1


def test_a_stale_form_saves_nothing_and_says_what_changed(
    as_eddie: Client, as_alice: Client, integration: Integration
) -> None:
    send(as_alice, integration.key, "edit", {**DETAILS, "note": "from alice"})
    late = {**DETAILS, "note": "from eddie", "version": 1}
    answer = as_eddie.post(url(integration.key, "edit"), late)
    body = answer.content.decode()
    assert answer.status_code == 422
    assert "alice changed this key" in body
    assert "<dt>Note</dt><dd>from alice</dd>" in body
    assert now(integration.key).note == "from alice"
    assert 'name="version" value="2"' in body  # to save again is a choice now


@pytest.mark.parametrize("page", ["edit", "limits", "where-from", "scopes"])
def test_no_form_is_taken_with_an_old_version(
    as_alice: Client, integration: Integration, page: str
) -> None:
    scopes = {"scopes": ["predictions:create"]}
    fields: dict[str, Any] = {"edit": DETAILS, "scopes": scopes}.get(page, {})
    answer = as_alice.post(url(integration.key, page), {**fields, "version": 7})
    assert answer.status_code == 422
    assert "changed this key" in answer.content.decode()


@pytest.mark.parametrize("page", ["edit", "limits", "where-from", "scopes", "chatflows", "revoke"])
def test_a_viewer_changes_nothing(as_vera: Client, integration: Integration, page: str) -> None:
    assert as_vera.get(url(integration.key, page)).status_code == 403
    assert send(as_vera, integration.key, page, DETAILS).status_code == 403
    assert now(integration.key).version == 1


@pytest.mark.parametrize("page", ["edit", "limits", "where-from", "scopes", "chatflows", "revoke"])
def test_another_teams_key_is_not_found(as_alice: Client, globex: Team, page: str) -> None:
    foreign, _ = factories.key(globex, "theirs")
    answers = {as_alice.post(f"/t/acme/keys/{each}/{page}/").status_code
               for each in (foreign.id, uuid4())}  # fmt: skip
    assert answers == {404}


def test_limits_are_set_and_lifted(as_eddie: Client, integration: Integration) -> None:
    send(as_eddie, integration.key, "limits", {"limit_minute": "100", "limit_budget": "12.50"})
    key = now(integration.key)
    assert key.limits == Limits(minute=100, budget=12_500_000_000)
    send(as_eddie, integration.key, "limits", {})
    assert now(key).limits == Limits()
    assert (last_event("api_key.set_limits").before or {})["limit_minute"] == 100


@pytest.mark.parametrize("limit", ["0", "-1", str(2**63), "1e9", "ten"])
@pytest.mark.parametrize("column", ["limit_minute", "limit_tokens", "limit_budget"])
def test_a_limit_out_of_range_is_refused(
    as_eddie: Client, integration: Integration, column: str, limit: str
) -> None:
    if (column, limit) == ("limit_budget", "1e9"):
        limit = "1e30"
    answer = send(as_eddie, integration.key, "limits", {column: limit, "limit_day": "5"})
    assert answer.status_code == 422
    assert column in answer.context["form"].errors
    assert now(integration.key).limits == Limits()


def test_the_service_checks_bounds_again(integration: Integration) -> None:
    key, by = integration.key, factories.TESTER
    with pytest.raises(ValidationError, match="limit_day"):
        details.change_limits(key, Limits(day=0), by, version=1)
    with pytest.raises(ValidationError, match="networks"):
        details.change_where(key, ["203.0.113.9/24"], [], by, version=1)
    with pytest.raises(ValidationError, match="origins"):
        details.change_where(key, [], ["HTTPS://shop.example.com/"], by, version=1)
    with pytest.raises(ValidationError, match="scopes"):
        details.change_scopes(key, ["chatflows:*"], by, version=1)
    assert now(key).version == 1


def test_networks_and_origins_are_saved_with_a_warning_for_who_is_outside(
    as_eddie: Client, integration: Integration
) -> None:
    fields = {"networks": "203.0.113.0/24\n2001:db8::/32", "origins": "https://Shop.example.com"}
    answer = as_eddie.post(
        url(integration.key, "where-from"), {"version": 1, **fields}, follow=True
    )
    key = now(integration.key)
    assert key.networks == ["203.0.113.0/24", "2001:db8::/32"]
    assert key.origins == ["https://shop.example.com"]
    assert "which is outside these networks" in answer.content.decode()


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("networks", "203.0.113.9/24"),
        ("networks", "::ffff:203.0.113.0/120"),
        ("networks", "0.0.0.0/0"),
        ("networks", "nonsense"),
        ("networks", "\n".join(f"10.0.{n // 250}.{n % 250}" for n in range(10_000))),
        ("origins", "*"),
        ("origins", "https://*.com"),
        ("origins", "javascript:alert(1)"),
        ("origins", "https://a.example/path"),
        ("origins", "https://user@a.example"),
    ],
)
def test_bad_places_are_refused(
    as_eddie: Client, integration: Integration, field: str, text: str
) -> None:
    answer = send(as_eddie, integration.key, "where-from", {field: text})
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert (now(integration.key).networks, now(integration.key).origins) == ([], [])


def test_an_editor_cannot_add_a_scope_that_only_admins_hold(
    as_eddie: Client, integration: Integration
) -> None:
    wanted = {"scopes": ["predictions:create", "audit:view"]}
    assert send(as_eddie, integration.key, "scopes", wanted).status_code == 403
    assert now(integration.key).scopes == ["predictions:create"]
    assert AuditEvent.objects.filter(action="change.refuse").exists()


def test_an_editor_can_only_take_from_a_key_that_holds_more_than_the_editor(
    as_eddie: Client, integration: Integration
) -> None:
    ApiKey.objects.filter(pk=integration.key.pk).update(scopes=["audit:view", "chatflows:view"])
    more = {"scopes": ["audit:view", "chatflows:view", "predictions:create"]}
    assert send(as_eddie, integration.key, "scopes", more).status_code == 403
    assert send(as_eddie, integration.key, "scopes", {"scopes": []}).status_code == 422
    less = {"scopes": ["chatflows:view"]}
    assert send(as_eddie, integration.key, "scopes", less).status_code == 302
    assert now(integration.key).scopes == ["chatflows:view"]


def test_the_key_policy_refuses_a_new_scope_and_keeps_old_ones(
    as_alice: Client, integration: Integration, acme: Team
) -> None:
    ApiKey.objects.filter(pk=integration.key.pk).update(scopes=["chatflows:view"])
    KeyPolicy.objects.create(team=acme, scopes=["members:view"])
    answer = send(as_alice, integration.key, "scopes", {"scopes": ["chatflows:view", "audit:view"]})
    assert answer.status_code == 422
    assert "does not allow audit:view" in answer.content.decode()
    fits = {"scopes": ["chatflows:view", "members:view"]}
    assert send(as_alice, integration.key, "scopes", fits).status_code == 302


@pytest.mark.parametrize("scope", ["*", "chatflows:*", " audit:view", "AUDIT:VIEW", "team:update"])
def test_odd_scopes_are_refused(as_alice: Client, integration: Integration, scope: str) -> None:
    answer = send(as_alice, integration.key, "scopes", {"scopes": [scope]})
    assert answer.status_code == 422
    assert "scopes" in answer.context["form"].errors


def test_scopes_ask_for_a_fresh_login(eddie: User, integration: Integration) -> None:
    stale = factories.client(eddie)
    for page in ("scopes", "chatflows"):
        assert "/reauthenticate/" in stale.get(url(integration.key, page))["Location"]
        assert "/reauthenticate/" in send(stale, integration.key, page, {})["Location"]


def choose(browser: Client, key: ApiKey, was: list[UUID], opens: list[UUID]) -> Any:
    return browser.post(url(key, "chatflows"), {"was": was, "opens": opens})


def selected(key: ApiKey) -> set[str]:
    return set(Chatflow.objects.filter(selections__key=key).values_list("name", flat=True))


def test_chatflows_are_chosen_from_the_keys_side(
    as_eddie: Client, integration: Integration, faq: Chatflow, acme: Team
) -> None:
    shop = factories.chatflow(acme, "Shop")
    version = shop.version
    assert choose(as_eddie, integration.key, [faq.id], [shop.id]).status_code == 302
    assert selected(integration.key) == {"Shop"}
    shop.refresh_from_db()
    assert shop.version == version + 1  # an open form of its Access page is stale now
    event = last_event("api_key.choose_chatflows")
    assert (event.before, event.after) == ({"opens": ["Support FAQ"]}, {"opens": ["Shop"]})


def test_what_the_page_did_not_show_stays_selected(
    as_eddie: Client, integration: Integration, acme: Team
) -> None:
    shop = factories.chatflow(acme, "Shop")
    choose(as_eddie, integration.key, [], [shop.id])
    assert selected(integration.key) == {"Shop", "Support FAQ"}


def test_chatflows_of_another_team_are_never_selected(
    as_eddie: Client, integration: Integration, globex: Team
) -> None:
    theirs = factories.chatflow(globex, "Theirs")
    assert choose(as_eddie, integration.key, [], [theirs.id]).status_code == 302
    assert selected(integration.key) == {"Support FAQ"}


@pytest.mark.parametrize("ids", [["nonsense"], [str(factories.NOBODYS_ID) for _ in range(101)]])
def test_odd_choices_are_refused(
    as_eddie: Client, integration: Integration, ids: list[str]
) -> None:
    answer = as_eddie.post(url(integration.key, "chatflows"), {"opens": ids})
    assert answer.status_code == 422
    assert selected(integration.key) == {"Support FAQ"}


def test_a_key_leaves_no_disabled_account(
    as_eddie: Client, integration: Integration, acme: Team, by_alice: Actor
) -> None:
    account = service_accounts.create(acme, About("Sync", "staging"), by_alice)
    send(as_eddie, integration.key, "edit", {**DETAILS, "service_account": account.name})
    assert now(integration.key).service_account == account
    service_accounts.disable(account, by_alice)
    answer = send(as_eddie, integration.key, "edit", DETAILS)
    assert answer.status_code == 422
    assert "service_account" in answer.context["form"].errors
    assert now(integration.key).service_account == account


def test_an_account_of_another_team_is_none(integration: Integration, globex: Team) -> None:
    account = service_accounts.create(globex, About("Theirs", "staging"), factories.TESTER)
    with pytest.raises(ValidationError, match="gone"):
        details.change(
            integration.key, Details("crm", service_account=account), factories.TESTER, version=1
        )


def test_a_stranger_is_no_contact(integration: Integration, mallory: User) -> None:
    with pytest.raises(ValidationError, match="no member"):
        details.change(
            integration.key, Details("crm", contact=mallory), factories.TESTER, version=1
        )
