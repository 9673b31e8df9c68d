"""What happens to a hand-over whose key, team or browser changed since the link was made."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import Team, User
from apikeys.models import ApiKey, HandOver, KeyPolicy
from apikeys.services import keys
from apikeys.services.life import hand_overs, policies
from tests import factories
from tests.factories import TESTER

pytestmark = [pytest.mark.django_db, pytest.mark.fast]


def link(key: ApiKey, **more: Any) -> str:
    """The path of a new link."""
    _, token = hand_overs.make(key, TESTER, lifetime=timedelta(days=1), **more)
    return f"/key-link/{token}/"


def take(browser: Client, key: ApiKey) -> Any:
    """The answer to the button of a key's page."""
    return browser.post("/key-link/", {"link": HandOver.objects.get(key=key).pk})


def test_a_stricter_policy_shortens_the_overlap(acme: Team) -> None:
    key, _ = factories.key(acme, "rotated")
    browser = Client()
    browser.get(link(key, overlap=timedelta(days=30)))
    KeyPolicy.objects.create(team=acme, longest_overlap=1)
    assert take(browser, key).status_code == 200
    ends_at = ApiKey.objects.get(pk=key.pk).live_secrets[-1].ends_at
    assert ends_at is not None
    assert ends_at <= timezone.now() + timedelta(hours=1)


@pytest.mark.parametrize("has_text", [True, False])
def test_a_key_that_is_deleted_at_the_last_moment_gives_nothing(
    acme: Team, default_key: ApiKey, has_text: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = factories.key(acme, "deleted")[0] if has_text else default_key
    browser, real = Client(), policies.lock
    browser.get(link(key))

    def delete_before(team: Team) -> None:
        monkeypatch.setattr(policies, "lock", real)
        keys.delete(key, TESTER)
        real(team)

    monkeypatch.setattr(policies, "lock", delete_before)
    assert take(browser, key).status_code == 410
    assert key.secrets.count() == int(has_text)


def test_the_button_gives_the_key_that_was_looked_at(acme: Team, default_key: ApiKey) -> None:
    other, _ = factories.key(acme, "Other key")
    browser = Client()
    browser.get(link(default_key))
    browser.get(link(other))  # in a second tab
    answer = take(browser, default_key)
    assert answer.status_code == 409
    assert "Nothing was taken" in answer.content.decode()
    assert "Other key" in answer.content.decode()
    assert HandOver.objects.filter(taken_at=None).count() == 2
    assert take(browser, other).status_code == 200


def test_nobody_waits_in_a_session_that_they_planted(default_key: ApiKey) -> None:
    browser, planted = Client(), Client()
    planted.get(link(default_key))
    browser.cookies[settings.SESSION_COOKIE_NAME] = planted.cookies[
        settings.SESSION_COOKIE_NAME
    ].value
    browser.get("/key-link/")
    found = hand_overs.latest_of(default_key)
    assert found is not None
    hand_overs.revoke(found, TESTER)
    browser.get(link(default_key))
    assert planted.get("/key-link/").status_code == 410


def test_a_page_of_a_key_that_is_deleted_at_the_last_moment_is_404(
    acme: Team, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, _ = factories.key(acme, "deleted")
    browser, real = factories.client(alice, is_fresh=True), policies.lock

    def delete_before(team: Team) -> None:
        monkeypatch.setattr(policies, "lock", real)
        keys.delete(key, TESTER)
        real(team)

    monkeypatch.setattr(policies, "lock", delete_before)
    fields = {"way": "link", "lifetime": "24h", "overlap": "24", "ends": "overlap"}
    assert browser.post(f"/t/acme/keys/{key.id}/rotate/", fields).status_code == 404
