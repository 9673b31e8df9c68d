"""The pages of the key policy: looked at before it is saved, and never more than was looked at."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Team, User
from accounts.permissions import SCOPES
from apikeys.models import ApiKey, KeyPolicy, KeySecret
from apikeys.services.life import policy_changes
from tests import factories
from tests.conftest import Integration

SETTINGS = "/t/acme/settings/keys/"
PREVIEW = f"{SETTINGS}preview/"
ALL = sorted(scope.value for scope in SCOPES)
YEAR: dict[str, str | list[str]] = {
    "longest_life": "365",
    "rotate_every": "90",
    "longest_overlap": "24",
    "scopes": ALL,
}
OPEN: dict[str, str | list[str]] = {
    "longest_life": "",
    "rotate_every": "",
    "longest_overlap": "",
    "scopes": ALL,
}


def hidden(body: str) -> dict[str, list[str]]:
    """The hidden fields of a page's form, as a browser sends them."""
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', body):
        if name != "csrfmiddlewaretoken":
            fields.setdefault(name, []).append(value)
    return fields


def age(key: ApiKey, days: int) -> None:
    """Make the key's text so many days old."""
    made_at = timezone.now() - timedelta(days=days)
    KeySecret.objects.filter(key=key).update(created_at=made_at)


def test_the_page_between_names_what_changes_and_saves_exactly_that(
    as_alice: Client, integration: Integration, acme: Team
) -> None:
    age(integration.key, 100)
    assert as_alice.get(SETTINGS).status_code == 200
    body = as_alice.get(PREVIEW, YEAR).content.decode()
    assert "Save policy and change 1 key" in body
    assert "without an end gets one" in " ".join(body.split())
    assert "crm-sync" in body
    assert not KeyPolicy.objects.exists()
    response = as_alice.post(SETTINGS, hidden(body), follow=True)
    assert b"1 key got an earlier end" in response.content
    policy = KeyPolicy.objects.get(team=acme)
    assert (policy.longest_life, policy.rotate_every, policy.longest_overlap) == (365, 90, 24)
    assert not policy.may_last_forever
    assert policy.scopes is None
    end = ApiKey.objects.get(pk=integration.key.pk).expires_at
    assert end is not None
    assert abs(end - timezone.now() - timedelta(days=265)) < timedelta(minutes=5)


def test_a_policy_without_effect_says_so(as_alice: Client, integration: Integration) -> None:
    body = as_alice.get(PREVIEW, {**OPEN, "may_last_forever": "on"}).content.decode()
    assert "No key changes." in body
    assert "Save policy</button>" in " ".join(body.split()).replace(" <", "<")
    as_alice.post(SETTINGS, hidden(body))
    assert KeyPolicy.objects.count() == 1


def test_keys_that_lose_a_scope_are_named_with_it(
    as_alice: Client, integration: Integration
) -> None:
    held = ["audit:view", "predictions:create"]
    ApiKey.objects.filter(pk=integration.key.pk).update(scopes=held)
    fields = {**OPEN, "may_last_forever": "on", "scopes": ["usage:view"]}
    body = as_alice.get(PREVIEW, fields).content.decode()
    assert "loses a scope" in " ".join(body.split())
    as_alice.post(SETTINGS, hidden(body))
    assert ApiKey.objects.get(pk=integration.key.pk).scopes == ["predictions:create"]
    shown = as_alice.get(SETTINGS).content.decode()
    assert re.search(r'value="usage:view" autocomplete="off" checked', shown)
    assert not re.search(r'value="audit:view" autocomplete="off" checked', shown)


def test_more_changes_than_were_shown_are_shown_first(
    as_alice: Client, integration: Integration, acme: Team
) -> None:
    fields = hidden(as_alice.get(PREVIEW, YEAR).content.decode())
    factories.key(acme, "second")
    response = as_alice.post(SETTINGS, fields)
    assert response.status_code == 409
    body = response.content.decode()
    assert "nothing was saved" in body
    assert "change 2 keys" in body
    assert not KeyPolicy.objects.exists()
    assert as_alice.post(SETTINGS, hidden(body)).status_code == 302


def test_two_admins_do_not_overwrite_each_other(
    as_alice: Client, adam: User, integration: Integration
) -> None:
    fields = hidden(as_alice.get(PREVIEW, YEAR).content.decode())
    as_adam = factories.client(adam, is_fresh=True)
    for _ in range(2):
        theirs = hidden(as_adam.get(PREVIEW, YEAR).content.decode())
        assert as_adam.post(SETTINGS, theirs).status_code == 302
    assert as_alice.post(SETTINGS, fields).status_code == 409


@pytest.mark.parametrize(
    "changes",
    [
        {"longest_life": "0"},
        {"longest_life": "-1"},
        {"longest_life": "9223372036854775808"},
        {"longest_life": "365.5"},
        {"rotate_every": "x"},
        {"longest_overlap": "9999"},
        {"scopes": ["*"]},
        {"scopes": ["team:update"]},
        {"scopes": ["APIKEYS:VIEW"]},
        {"scopes": ALL * 20},
        {"longest_life": ["30", "90"]},
        {"team": "globex"},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_odd_settings_are_refused_and_nothing_is_saved(
    as_alice: Client, integration: Integration, changes: dict[str, str | list[str]]
) -> None:
    before = factories.dump()
    sent: dict[str, str | list[str]] = {**YEAR, **changes}
    assert as_alice.get(PREVIEW, sent).status_code == 422
    assert as_alice.post(SETTINGS, {**sent, "version": "1", "seen": "9"}).status_code == 422
    assert factories.dump() == before


@pytest.mark.parametrize("seen", ["", "-1", "x", "9" * 30, "1\0"])
def test_an_odd_count_saves_nothing(as_alice: Client, integration: Integration, seen: str) -> None:
    response = as_alice.post(SETTINGS, {**YEAR, "version": "1", "seen": seen})
    assert response.status_code == 422
    assert not KeyPolicy.objects.exists()


def test_an_unusual_number_that_is_stored_stays_a_choice(as_alice: Client, acme: Team) -> None:
    rules = policy_changes.Rules(longest_life=45)
    policy_changes.save(acme, rules, factories.TESTER, version=1, seen=0)
    assert "45 days" in as_alice.get(SETTINGS).content.decode()


def test_the_way_back_keeps_what_was_chosen(as_alice: Client, acme: Team) -> None:
    body = as_alice.get(SETTINGS, YEAR).content.decode()
    assert re.search(r'<option value="365" selected', body)
    assert "aria-invalid" not in body


def test_admins_set_the_policy_and_nobody_below(
    adam: User, as_eddie: Client, as_vera: Client, as_mallory: Client
) -> None:
    as_adam = factories.client(adam)
    assert as_adam.get(SETTINGS).status_code == 200
    assert b"Key policy" in as_adam.get("/t/acme/settings/flow-app/").content
    before = factories.state()
    for browser, status in ((as_eddie, 403), (as_vera, 403), (as_mallory, 404)):
        assert browser.get(SETTINGS).status_code == status
        assert browser.get(PREVIEW, YEAR).status_code == status
        assert browser.post(SETTINGS, {**YEAR, "version": "1", "seen": "9"}).status_code == status
    assert factories.state() == before
