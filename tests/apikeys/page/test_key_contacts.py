"""The contact of a key: an address outside the team gets mails only once it has confirmed."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from accounts.crypto import sealing
from accounts.models import AuditEvent, LinkToken, Mail
from apikeys.models import ApiKey
from apikeys.services import contacts, keys, recipients
from tests import factories
from tests.conftest import Integration

pytestmark = pytest.mark.django_db

NORA = "nora@partner.example"
LINK = re.compile(r"/key-contact/fll_[\w-]{43}/")
CONFIRM = "/key-contact/"


@pytest.fixture(autouse=True)
def _mail() -> Any:
    with override_settings(MAIL_SERVER={"EMAIL_HOST": "mail.invalid"}):
        yield


def name(browser: Client, key: ApiKey, address: str = NORA) -> Any:
    fields = {"name": "crm-sync", "environment": "production", "contact_email": address}
    version = ApiKey.objects.get(pk=key.pk).version
    return browser.post(f"/t/acme/keys/{key.id}/edit/", {**fields, "version": version})


def mailed() -> str:
    """The link of the newest mail."""
    mail = Mail.objects.filter(kind="key_contact").latest("created_at")
    assert mail.ciphertext is not None
    parts = json.loads(sealing.decrypt(bytes(mail.ciphertext), mail.key_version, mail.place))
    (found,) = set(LINK.findall(parts["text"]))
    return str(found)


def address_of(key: ApiKey) -> list[str]:
    return [to for to in recipients.of_key(ApiKey.objects.get(pk=key.pk)) if to == NORA]


def test_an_address_gets_one_link_and_nothing_else_until_it_confirms(
    as_eddie: Client, integration: Integration
) -> None:
    assert name(as_eddie, integration.key).status_code == 302
    assert address_of(integration.key) == []
    visitor = Client()
    assert visitor.get(mailed())["Location"] == CONFIRM
    page = visitor.get(CONFIRM).content.decode()
    assert "Acme" in page
    assert "crm-sync" in page
    assert NORA in page
    assert address_of(integration.key) == []  # opening confirms nothing
    assert "Address confirmed" in visitor.post(CONFIRM).content.decode()
    assert address_of(integration.key) == [NORA]
    assert AuditEvent.objects.filter(action="api_key.confirm_contact").count() == 1


def test_a_link_confirms_once(as_eddie: Client, integration: Integration) -> None:
    name(as_eddie, integration.key)
    link, first, second = mailed(), Client(), Client()
    for visitor in (first, second):
        visitor.get(link)
    assert first.post(CONFIRM).status_code == 200
    assert second.post(CONFIRM).status_code == 410
    assert Client().get(link).status_code == 410


def test_the_token_is_neither_in_the_session_nor_in_the_database(
    as_eddie: Client, integration: Integration
) -> None:
    name(as_eddie, integration.key)
    link, visitor = mailed(), Client()
    visitor.get(link)
    token = link.split("/")[2]
    assert token not in str(dict(visitor.session))
    assert token not in factories.dump()


def test_another_address_ends_the_link_of_the_first(
    as_eddie: Client, integration: Integration
) -> None:
    name(as_eddie, integration.key)
    link, visitor = mailed(), Client()
    visitor.get(link)
    name(as_eddie, integration.key, "other@partner.example")
    assert visitor.post(CONFIRM).status_code == 410
    assert Client().get(link).status_code == 410
    assert ApiKey.objects.get(pk=integration.key.pk).contact_confirmed_at is None


def test_a_changed_address_is_no_longer_confirmed(
    as_eddie: Client, integration: Integration
) -> None:
    name(as_eddie, integration.key)
    visitor = Client()
    visitor.get(mailed())
    visitor.post(CONFIRM)
    name(as_eddie, integration.key, "other@partner.example")
    assert address_of(integration.key) == []
    name(as_eddie, integration.key)  # nor is the first one by coming back
    assert address_of(integration.key) == []


def test_a_deleted_key_confirms_nothing(as_eddie: Client, integration: Integration) -> None:
    name(as_eddie, integration.key)
    visitor = Client()
    visitor.get(mailed())
    keys.delete(integration.key, factories.TESTER)
    assert visitor.post(CONFIRM).status_code == 410


def test_sending_again_ends_the_old_link(as_eddie: Client, integration: Integration) -> None:
    name(as_eddie, integration.key)
    old = mailed()
    as_eddie.post(f"/t/acme/keys/{integration.key.id}/contact/resend/")
    assert mailed() != old
    assert Client().get(old).status_code == 410
    assert Client().get(mailed()).status_code == 302


def test_an_address_is_not_flooded(as_eddie: Client, integration: Integration) -> None:
    name(as_eddie, integration.key)
    for _ in range(contacts.PER_ADDRESS + 2):
        as_eddie.post(f"/t/acme/keys/{integration.key.id}/contact/resend/")
    assert Mail.objects.filter(kind="key_contact").count() == contacts.PER_ADDRESS
    other, _ = factories.key(integration.key.team, "crm-sync-2")
    fields = {"name": "crm-sync-2", "environment": "production", "contact_email": NORA}
    answer = as_eddie.post(f"/t/acme/keys/{other.id}/edit/", {**fields, "version": 1})
    assert answer.status_code == 429
    assert ApiKey.objects.get(pk=other.pk).contact_email == ""


def test_links_from_the_future_use_up_no_limit(as_eddie: Client, integration: Integration) -> None:
    name(as_eddie, integration.key)
    for _ in range(contacts.PER_ADDRESS):
        as_eddie.post(f"/t/acme/keys/{integration.key.id}/contact/resend/")
    sent = Mail.objects.filter(kind="key_contact")
    sent.update(created_at=timezone.now() + timedelta(minutes=20))  # the clock ran back
    as_eddie.post(f"/t/acme/keys/{integration.key.id}/contact/resend/")
    assert sent.count() == contacts.PER_ADDRESS + 1


def test_without_a_mail_server_an_address_is_refused(
    as_eddie: Client, integration: Integration
) -> None:
    with override_settings(MAIL_SERVER=None):
        answer = name(as_eddie, integration.key)
    assert answer.status_code == 422
    assert "contact_email" in answer.context["form"].errors
    assert ApiKey.objects.get(pk=integration.key.pk).contact_email == ""
    assert not LinkToken.objects.filter(purpose="key_contact").exists()


def test_a_member_and_an_address_are_one_too_many(
    as_eddie: Client, integration: Integration, eddie: Any
) -> None:
    fields = {"name": "crm-sync", "environment": "production", "contact_email": NORA}
    answer = as_eddie.post(
        f"/t/acme/keys/{integration.key.id}/edit/", {**fields, "contact": "eddie", "version": 1}
    )
    assert answer.status_code == 422
    assert "contact_email" in answer.context["form"].errors


def test_random_tokens_are_closed(db: None) -> None:
    assert Client().get("/key-contact/fll_nonsense/").status_code == 410
    assert Client().get(CONFIRM).status_code == 410
    assert Client().post(CONFIRM).status_code == 410
