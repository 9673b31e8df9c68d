"""Rights: nobody gets by a key what their role does not give, by any way to a working text."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Membership, Role, Team, User
from accounts.permissions import ROLE_PERMISSIONS, Actor, Permission, Principal
from accounts.services import refused_changes
from apikeys.models import ApiKey, KeySecret
from apikeys.services import keys, rights
from chatflows.models import Chatflow, Selection
from chatflows.services import chatflows
from tests import factories
from tests.apikeys.pages import page
from tests.conftest import Integration

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_try_is_counted_yet() -> None:
    refused_changes._counts.clear()


@pytest.fixture
def strong(acme: Team, faq: Chatflow) -> ApiKey:
    """A key that reads the audit trail, as an admin made it. It was never used."""
    return keys.add(acme, "auditor", factories.TESTER, scopes=["audit:view"])[0]


def actor(person: User) -> Actor:
    return Actor("person", str(person.pk), person.username, "192.0.2.1")


def disabled(key: ApiKey) -> ApiKey:
    keys.disable(key, factories.TESTER)
    return key


def without_secret(key: ApiKey) -> ApiKey:
    KeySecret.objects.filter(key=key).update(ends_at=timezone.now() - timedelta(days=1))
    return key


# Each way to a working text: what the key is before, the page, and its form.
WAYS: dict[str, tuple[Callable[[ApiKey], ApiKey], str, dict[str, str]]] = {
    "issue": (without_secret, "issue", {}),
    "issue anew": (lambda key: key, "issue", {"unused": "1"}),
    "enable": (disabled, "enable", {}),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_editor_gets_no_text_of_a_key_that_may_more(
    as_eddie: Client, strong: ApiKey, way: str
) -> None:
    prepare, name, form = WAYS[way]
    key = prepare(strong)
    before = factories.state()
    response = as_eddie.post(page(key.id, name), form)
    assert response.status_code == 403
    assert factories.state() == before
    noted = AuditEvent.objects.filter(action="change.refuse").get()
    assert noted.after == {"status": 403, "times": 1}
    assert noted.target_id == f"key_{name}"


@pytest.mark.parametrize("way", WAYS)
def test_an_owner_does_by_the_same_way(as_alice: Client, strong: ApiKey, way: str) -> None:
    prepare, name, form = WAYS[way]
    key = prepare(strong)
    assert as_alice.post(page(key.id, name), form).status_code in (200, 302)
    assert ApiKey.objects.get(pk=key.pk).is_usable


def test_the_page_before_issuing_is_not_shown_either(as_eddie: Client, strong: ApiKey) -> None:
    assert as_eddie.get(page(strong.id, "issue")).status_code == 403


def test_an_editor_may_still_take_such_a_key_away(as_eddie: Client, strong: ApiKey) -> None:
    as_eddie.post(page(strong.id, "disable"))
    assert ApiKey.objects.get(pk=strong.pk).disabled_at is not None
    as_eddie.post(page(strong.id, "delete"))
    assert ApiKey.objects.get(pk=strong.pk).deleted_at is not None


SERVICES: dict[str, Callable[[ApiKey, Actor], object]] = {
    "add": lambda key, by: keys.add(key.team, "mine", by, scopes=["audit:view"]),
    "issue": lambda key, by: keys.issue(without_secret(key), by),
    "replace": lambda key, by: keys.issue(key, by, replace=True),
    "enable": lambda key, by: keys.enable(disabled(key), by),
}


@pytest.mark.parametrize("name", SERVICES)
def test_the_services_ask_for_themselves(
    strong: ApiKey, eddie: User, adam: User, vera: User, name: str
) -> None:
    for person in (eddie, vera):
        with pytest.raises(rights.NotAllowed):
            SERVICES[name](strong, actor(person))
    SERVICES[name](strong, actor(adam))


def test_what_counts_is_the_role_now(strong: ApiKey, adam: User) -> None:
    keys.disable(strong, factories.TESTER)
    Membership.objects.filter(user=adam).update(role=Role.EDITOR)
    with pytest.raises(rights.NotAllowed):
        keys.enable(strong, actor(adam))
    Membership.objects.filter(user=adam).delete()
    with pytest.raises(rights.NotAllowed):
        keys.enable(strong, actor(adam))


def test_a_stranger_and_a_deactivated_owner_hold_nothing(
    strong: ApiKey, mallory: User, globex: Team, alice: User
) -> None:
    keys.disable(strong, factories.TESTER)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    for by in (actor(mallory), actor(alice), Actor("key", str(strong.pk), strong.name)):
        with pytest.raises(rights.NotAllowed):
            keys.enable(strong, by)


def test_a_key_is_selected_only_by_who_may_update_the_chatflow(
    strong: ApiKey, faq: Chatflow, eddie: User, vera: User
) -> None:
    with pytest.raises(rights.NotAllowed):
        chatflows.select(strong, [faq.id], actor(vera))
    assert not Selection.objects.filter(key=strong).exists()
    chatflows.select(strong, [faq.id], actor(eddie))
    assert Selection.objects.filter(key=strong).exists()


@pytest.mark.fast
@pytest.mark.parametrize("role", Role)
def test_a_role_may_issue_what_it_holds_and_nothing_more(role: Role) -> None:
    principal = Principal(Team(), Actor("person", "1", "x"), ROLE_PERMISSIONS[role], role=role)
    for scope in [*Permission, "webhooks:view", "*", "chatflows:*", ""]:
        if scope in ROLE_PERMISSIONS[role]:
            rights.check_may_issue(principal, [scope])
        else:
            with pytest.raises(rights.NotAllowed):
                rights.check_may_issue(principal, ["predictions:create", scope])


def test_enabling_asks_for_a_fresh_login(alice: User, strong: ApiKey) -> None:
    keys.disable(strong, factories.TESTER)
    browser = factories.client(alice)
    asked = browser.post(page(strong.id, "enable"))
    assert asked["Location"].startswith("/reauthenticate/")
    assert not ApiKey.objects.get(pk=strong.pk).is_usable
    back = browser.post(asked["Location"], {"password": factories.PASSWORD})
    assert back["Location"] == page(strong.id, "enable")
    listed = browser.get(back["Location"], follow=True)
    assert "nothing is done yet" in listed.content.decode()
    assert not ApiKey.objects.get(pk=strong.pk).is_usable


def test_a_replacement_asks_for_a_fresh_login(
    alice: User, integration: Integration, faq: Chatflow
) -> None:
    Selection.objects.exclude(key=integration.key).delete()
    other, _ = factories.key(faq.team, "other")
    browser = factories.client(alice)
    url, form = page(integration.key.id, "delete"), {"replacement": str(other.id)}
    assert browser.post(url, form)["Location"].startswith("/reauthenticate/")
    assert ApiKey.objects.get(pk=integration.key.pk).deleted_at is None
    assert not Selection.objects.filter(key=other).exists()
    factories.note_password(browser, alice)
    assert browser.post(url, form)["Location"] == "/t/acme/keys/"
    assert Selection.objects.filter(key=other, chatflow=faq).exists()
    # To delete alone takes away, and asks for nothing.
    assert factories.client(alice).post(page(other.id, "delete"))["Location"] == "/t/acme/keys/"


def test_who_may_not_update_chatflows_opens_none_by_a_replacement(
    integration: Integration, vera: User, faq: Chatflow
) -> None:
    Selection.objects.exclude(key=integration.key).delete()
    other, _ = factories.key(faq.team, "other")
    with pytest.raises(rights.NotAllowed):
        keys.delete(integration.key, actor(vera), replacement=other)
    assert ApiKey.objects.get(pk=integration.key.pk).deleted_at is None
    assert not Selection.objects.filter(key=other).exists()
