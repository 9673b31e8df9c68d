"""The holder of a key gives it a new text where the policy allows it; a link undoes it."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from accounts.crypto import sealing
from accounts.models import AuditEvent, LinkToken, Mail, Role
from apikeys.models import KeyPolicy, KeySecret
from apikeys.services.life import rotation
from tests import factories
from tests.conftest import Integration

pytestmark = pytest.mark.django_db

LINK = re.compile(r"/key-undo/fll_[\w-]{43}/")
TEXT = re.compile(r"flk_sk_\w+")


@pytest.fixture(autouse=True)
def _mail() -> Any:
    with override_settings(MAIL_SERVER={"EMAIL_HOST": "mail.invalid"}):
        yield


@pytest.fixture
def holder(integration: Integration) -> Client:
    """The holder, in a visit. Alice owns the team, and gets its mails."""
    factories.join(integration.key.team, factories.user("alice"), Role.OWNER)
    browser = Client()
    assert browser.post("/key", {"text": integration.text}).status_code == 302
    return browser


def allow(integration: Integration, **more: object) -> None:
    KeyPolicy.objects.create(team=integration.key.team, holders_may_rotate=True, **more)


def link() -> str:
    mail = Mail.objects.filter(kind="key_holder_rotation").latest("created_at")
    assert mail.ciphertext is not None
    parts = json.loads(sealing.decrypt(bytes(mail.ciphertext), mail.key_version, mail.place))
    assert not TEXT.search(parts["text"])
    (found,) = set(LINK.findall(parts["text"]))
    return str(found)


def secrets_of(integration: Integration) -> list[KeySecret]:
    live = KeySecret.objects.live(timezone.now()).filter(key=integration.key)
    return list(live.order_by("pk"))


def test_the_holder_gets_a_new_text_once_and_the_old_one_works_a_day(
    holder: Client, integration: Integration
) -> None:
    allow(integration)
    assert "Create a new text" in holder.get("/key").content.decode()
    shown = holder.post("/key/rotate")
    assert shown.status_code == 200
    assert shown["Cache-Control"] == "no-store"
    texts = set(TEXT.findall(shown.content.decode()))
    assert len([text for text in texts if len(text) > 40]) == 1
    old, new = secrets_of(integration)
    assert old.ends_at is not None
    assert timedelta(hours=23) < old.ends_at - timezone.now() <= timedelta(hours=24)
    assert new.ends_at is None
    event = AuditEvent.objects.get(action="api_key.rotate_by_holder")
    assert (event.actor_kind, event.actor_id) == ("key", str(integration.key.pk))
    again = holder.post("/key/rotate")
    assert again.status_code == 409
    assert "last 24 hours" in again.content.decode()
    assert len(secrets_of(integration)) == 2


@pytest.mark.parametrize("rules", [None, {"longest_overlap": 1}])
def test_it_is_refused_where_the_policy_does_not_allow_it(
    holder: Client, integration: Integration, rules: dict[str, int] | None
) -> None:
    if rules is not None:
        allow(integration, **rules)
    assert "Create a new text" not in holder.get("/key").content.decode()
    assert holder.post("/key/rotate").status_code == 409
    assert len(secrets_of(integration)) == 1
    assert not Mail.objects.exists()


def test_it_is_refused_where_no_mail_could_tell_of_it(
    holder: Client, integration: Integration
) -> None:
    allow(integration)
    with override_settings(MAIL_SERVER={}):
        assert holder.post("/key/rotate").status_code == 409
    assert len(secrets_of(integration)) == 1


def test_nobody_escapes_the_end_that_the_team_set(holder: Client, integration: Integration) -> None:
    allow(integration)
    rotation.let_end(integration.key, factories.TESTER, overlap=timedelta(days=7))
    assert holder.post("/key/rotate").status_code == 409
    assert len(secrets_of(integration)) == 1


def test_the_link_of_the_mail_ends_the_new_text_and_the_old_one_works_on(
    holder: Client, integration: Integration
) -> None:
    allow(integration)
    holder.post("/key/rotate")
    visitor = Client()
    assert visitor.get(link())["Location"] == "/key-undo/"
    assert integration.key.name in visitor.get("/key-undo/").content.decode()
    assert len(secrets_of(integration)) == 2  # opening uses nothing up
    assert visitor.post("/key-undo/").status_code == 200
    (left,) = secrets_of(integration)
    assert left.ends_at is None
    assert left.ending_since is None
    assert AuditEvent.objects.filter(action="api_key.undo_rotation").count() == 1
    assert visitor.get(link()).status_code == 410
    assert holder.post("/key/rotate").status_code == 409  # once a day, undone or not


def test_the_undo_lifts_no_end_that_the_team_set_since(
    holder: Client, integration: Integration
) -> None:
    allow(integration)
    holder.post("/key/rotate")
    rotation.let_end(integration.key, factories.TESTER, overlap=timedelta(days=7))
    visitor = Client()
    visitor.get(link())
    assert visitor.post("/key-undo/").status_code == 200
    (left,) = secrets_of(integration)
    assert left.ends_at is not None


def test_the_undo_is_closed_once_the_old_text_has_ended(
    holder: Client, integration: Integration
) -> None:
    allow(integration)
    holder.post("/key/rotate")
    visitor = Client()
    visitor.get(link())
    rotation.retire(integration.key, factories.TESTER)
    assert visitor.post("/key-undo/").status_code == 410
    (left,) = secrets_of(integration)
    assert left.ends_at is None  # the new one
    assert LinkToken.objects.get(purpose="key_undo").used_at is None
