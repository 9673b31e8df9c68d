"""Disable with undo, and extend: what brings a text back asks for rights and a fresh login."""

from datetime import datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Team, User
from accounts.permissions import Actor, Permission
from accounts.services.members import NotAllowed
from apikeys.models import ApiKey, KeyPolicy
from apikeys.services import keys
from apikeys.services.life import expiry
from tests import factories
from tests.apikeys.life.clocks import Clock
from tests.apikeys.pages import LIST, page
from tests.conftest import Integration
from tests.forms import send

DAY = timedelta(days=1)
UNDO = "Undo</button>"


def is_disabled(key: ApiKey) -> bool:
    return ApiKey.objects.get(pk=key.pk).disabled_at is not None


def end_of(key: ApiKey) -> datetime:
    end = ApiKey.objects.get(pk=key.pk).expires_at
    assert end is not None
    return end


def set_longest_life(team: Team, days: int) -> None:
    KeyPolicy.objects.create(team=team, longest_life=days)


@pytest.fixture
def ending(integration: Integration) -> ApiKey:
    """The integration's key, which ends in three days."""
    mine = ApiKey.objects.filter(pk=integration.key.pk)
    mine.update(expires_at=timezone.now() + 3 * DAY)
    return mine.get()


@pytest.mark.parametrize("back", ["", "page"])
def test_disabling_offers_an_undo_where_it_was_asked_for(
    as_alice: Client, integration: Integration, back: str
) -> None:
    key = integration.key
    asked = as_alice.post(page(key.id, "disable"), {"back": back} if back else {})
    there = f"{LIST}{key.id}/" if back else LIST
    assert asked["Location"] == there
    body = as_alice.get(there).content.decode()
    assert UNDO in body
    undo = page(key.id, "enable") + ("?back=page" if back else "")
    assert f'action="{undo}"' in body
    assert is_disabled(key)
    undone = as_alice.post(undo)
    assert undone["Location"] == there
    assert not is_disabled(key)
    assert UNDO not in as_alice.get(there).content.decode()


def test_an_undo_after_the_fresh_login_leads_through_the_password_page(
    alice: User, integration: Integration
) -> None:
    stale = factories.client(alice)
    stale.post(page(integration.key.id, "disable"))
    answer = stale.post(page(integration.key.id, "enable"))
    assert answer["Location"].startswith("/reauthenticate/")
    assert is_disabled(integration.key)
    factories.note_password(stale, alice)
    asked = stale.get(page(integration.key.id, "enable")).content.decode()
    assert "Enable crm-sync again?" in asked
    assert is_disabled(integration.key)
    stale.post(page(integration.key.id, "enable"))
    assert not is_disabled(integration.key)


def test_an_editor_does_not_enable_a_key_that_holds_more(
    as_eddie: Client, integration: Integration
) -> None:
    ApiKey.objects.filter(pk=integration.key.pk).update(scopes=[Permission.AUDIT_VIEW])
    as_eddie.post(page(integration.key.id, "disable"))
    assert as_eddie.get(page(integration.key.id, "enable")).status_code == 403
    assert as_eddie.post(page(integration.key.id, "enable")).status_code == 403
    assert is_disabled(integration.key)


def test_disabling_twice_and_enabling_twice_say_so(
    as_alice: Client, integration: Integration
) -> None:
    url = page(integration.key.id, "disable")
    as_alice.post(url)
    assert "was disabled already" in as_alice.post(url, follow=True).content.decode()
    back = page(integration.key.id, "enable")
    as_alice.post(back)
    assert "is not disabled" in as_alice.post(back, follow=True).content.decode()


def test_an_expired_key_works_again_without_a_new_text(
    as_alice: Client, ending: ApiKey, integration: Integration
) -> None:
    ApiKey.objects.filter(pk=ending.pk).update(expires_at=timezone.now() - DAY)
    assert ending not in ApiKey.objects.usable()
    body = as_alice.get(page(ending.id, "extend")).content.decode()
    assert "and works again from the next call on" in body
    send(as_alice, page(ending.id, "extend"), {"until": "90"})
    assert abs(end_of(ending) - timezone.now() - 90 * DAY) < timedelta(minutes=5)
    assert ending in ApiKey.objects.usable()
    assert ending.secrets.get().public_id == integration.text.split("_")[2]
    assert AuditEvent.objects.latest("pk").action == "api_key.extend"


def test_terms_count_from_the_present_end(as_alice: Client, ending: ApiKey) -> None:
    before = end_of(ending)
    send(as_alice, page(ending.id, "extend"), {"until": "365"})
    assert end_of(ending) == before + 365 * DAY
    day = (timezone.now() + 800 * DAY).date()
    send(as_alice, page(ending.id, "extend"), {"until": "date", "last_day": day.isoformat()})
    assert end_of(ending).date() == day
    assert f"{end_of(ending):%H:%M:%S}" == "23:59:59"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"until": "date"},
        {"until": "date", "last_day": "2020-01-01"},
        {"until": "date", "last_day": "31 February"},
        {"until": "date", "last_day": "10000-01-01"},
        {"until": "0"},
        {"until": "-90"},
        {"until": "latest"},
        {"until": "90", "expires_at": "2099-01-01"},
    ],
    ids=str,
)
def test_an_odd_end_is_refused_and_changes_nothing(
    as_alice: Client, ending: ApiKey, fields: dict[str, str]
) -> None:
    before = factories.dump()
    assert send(as_alice, page(ending.id, "extend"), fields).status_code == 422
    assert factories.dump() == before


def test_an_end_can_come_earlier_and_asks_for_no_scope(as_eddie: Client, ending: ApiKey) -> None:
    ApiKey.objects.filter(pk=ending.pk).update(scopes=[Permission.AUDIT_VIEW])
    tomorrow = (timezone.now() + DAY).date()
    fields = {"until": "date", "last_day": tomorrow.isoformat()}
    assert send(as_eddie, page(ending.id, "extend"), fields).status_code == 302
    assert end_of(ending).date() == tomorrow
    assert send(as_eddie, page(ending.id, "extend"), fields).status_code == 422  # the same end
    assert AuditEvent.objects.filter(action="api_key.shorten").count() == 1


def test_a_key_without_an_end_gets_one(as_alice: Client, integration: Integration) -> None:
    body = as_alice.get(page(integration.key.id, "extend")).content.decode()
    assert "It has no end." in body
    assert "In 90 days" in body
    send(as_alice, page(integration.key.id, "extend"), {"until": "90"})
    ends_at = end_of(integration.key)
    assert 89 * DAY < ends_at - timezone.now() <= 90 * DAY
    with pytest.raises(ValidationError):
        expiry.set_end(integration.key, timezone.now() - DAY, factories.TESTER)


def test_a_text_that_is_too_old_for_the_policy_asks_for_a_rotation(
    as_alice: Client, ending: ApiKey
) -> None:
    set_longest_life(ending.team, 90)
    ending.secrets.update(created_at=timezone.now() - 89 * DAY)
    ApiKey.objects.filter(pk=ending.pk).update(expires_at=timezone.now() + 2 * DAY)
    body = as_alice.get(page(ending.id, "extend")).content.decode()
    assert "allows no later end" in body
    assert page(ending.id, "rotate") in body


def test_extending_goes_as_far_as_the_policy_allows(as_alice: Client, ending: ApiKey) -> None:
    set_longest_life(ending.team, 30)
    body = as_alice.get(page(ending.id, "extend")).content.decode()
    assert "By 90 days" not in body
    assert send(as_alice, page(ending.id, "extend"), {"until": "90"}).status_code == 422
    send(as_alice, page(ending.id, "extend"), {"until": "latest"})
    assert end_of(ending) == ending.secrets.get().created_at + 30 * DAY


def test_extending_asks_for_rights_and_a_fresh_login(
    alice: User, as_eddie: Client, as_vera: Client, as_mallory: Client, ending: ApiKey
) -> None:
    fields = {"until": "90"}
    url = page(ending.id, "extend")
    assert factories.client(alice).post(url, fields)["Location"].startswith("/reauthenticate/")
    assert as_vera.post(url, fields).status_code == 403
    assert as_mallory.post(url, fields).status_code == 404
    ApiKey.objects.filter(pk=ending.pk).update(scopes=[Permission.AUDIT_VIEW])
    assert send(as_eddie, url, fields).status_code == 403
    assert end_of(ending) < timezone.now() + 4 * DAY


def test_the_services_ask_for_the_rights_too(eddie: User, ending: ApiKey, clock: Clock) -> None:
    ApiKey.objects.filter(pk=ending.pk).update(scopes=[Permission.AUDIT_VIEW])
    key = ApiKey.objects.get(pk=ending.pk)
    by = Actor("person", str(eddie.pk), "eddie")
    with pytest.raises(NotAllowed):
        expiry.set_end(key, clock.now + 90 * DAY, by)
    keys.disable(key, by)
    with pytest.raises(NotAllowed):
        keys.enable(key, by)
