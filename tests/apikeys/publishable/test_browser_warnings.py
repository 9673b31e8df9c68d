"""A secret key in a web page: the mail, the notice on its page, the mark in the list."""

from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.mail import outbox
from accounts.models import AuditEvent, Mail, Team, User
from apikeys.models import ApiKey, Notice
from apikeys.services import keys
from chatflows.calls import store
from chatflows.models import Chatflow, OriginDay
from chatflows.services import browser_warnings
from tests import factories
from tests.conftest import Integration

pytestmark = pytest.mark.django_db

SHOP = "https://shop.example.com"


@pytest.fixture(autouse=True)
def _mail_server(settings: Any) -> None:
    settings.MAIL_SERVER = {"EMAIL_HOST": "mail.invalid"}


def call(key: ApiKey, flow: Chatflow, origin: str, *, days_ago: float = 0) -> None:
    """A call from a web page, as the recorder writes it."""
    at = timezone.now() - timedelta(days=days_ago)
    store.write([factories.call(flow, key, origin=origin, at=at)])


def warn() -> list[Mail]:
    """The mails that one run of the worker queues."""
    before = set(Mail.objects.values_list("pk", flat=True))
    browser_warnings.warn(Event())
    return list(Mail.objects.exclude(pk__in=before).order_by("recipient"))


def pass_days(days: float) -> None:
    """Let time pass since all that was noted."""
    Notice.objects.update(at=timezone.now() - timedelta(days=days))


def test_owners_admins_and_the_contact_get_one_mail_for_each_origin(
    alice: User, adam: User, vera: User, integration: Integration, faq: Chatflow
) -> None:
    ApiKey.objects.filter(pk=integration.key.pk).update(contact=vera)
    for _ in range(3):
        call(integration.key, faq, SHOP)
    mails = warn()
    assert [mail.recipient for mail in mails] == [adam.email, alice.email, vera.email]
    text, html = outbox.body(mails[0])
    assert "crm-sync" in text
    assert "shop" in text
    assert f"/keys/{integration.key.id}/" in text
    assert SHOP not in text + html  # no mail program makes a link of what a caller sent
    assert integration.text not in text + html
    call(integration.key, faq, SHOP)
    pass_days(2)
    assert warn() == []


def test_a_second_origin_waits_for_the_next_day(
    alice: User, integration: Integration, faq: Chatflow
) -> None:
    call(integration.key, faq, SHOP)
    assert len(warn()) == 1
    call(integration.key, faq, "https://other.example.com")
    assert warn() == []
    pass_days(1.01)
    (mail,) = warn()
    assert "other" in outbox.body(mail)[0]
    assert "shop" not in outbox.body(mail)[0]


def test_a_warning_from_the_future_silences_no_other(
    alice: User, integration: Integration, faq: Chatflow
) -> None:
    call(integration.key, faq, SHOP)
    assert len(warn()) == 1
    call(integration.key, faq, "https://other.example.com")
    pass_days(-2)  # the clock ran back
    assert len(warn()) == 1
    assert warn() == []


def test_the_trail_notes_it(acme: Team, integration: Integration, faq: Chatflow) -> None:
    call(integration.key, faq, SHOP)
    warn()
    event = AuditEvent.objects.get(team_id=acme.id, action="api_key.see_in_browser")
    assert (event.actor_name, event.after) == ("Flowlatch", {"origins": [SHOP]})


def test_a_key_that_lists_origins_is_warned_of_too(
    alice: User, integration: Integration, faq: Chatflow
) -> None:
    ApiKey.objects.filter(pk=integration.key.pk).update(origins=[SHOP])
    call(integration.key, faq, SHOP)
    assert len(warn()) == 1


def test_nobody_is_warned_of_publishable_deleted_and_unseen_keys(
    alice: User, acme: Team, integration: Integration, faq: Chatflow
) -> None:
    shop, _ = factories.publishable(acme, "web-shop", faq)
    gone, _ = factories.key(acme, "gone", faq)
    call(shop, faq, SHOP)
    call(gone, faq, SHOP)
    call(integration.key, faq, "")
    keys.delete(gone, factories.TESTER)
    assert warn() == []
    assert Notice.objects.count() == 0


def test_without_a_mail_server_the_mail_stays_due(
    alice: User, settings: Any, integration: Integration, faq: Chatflow
) -> None:
    settings.MAIL_SERVER = {}
    call(integration.key, faq, SHOP)
    assert warn() == []
    settings.MAIL_SERVER = {"EMAIL_HOST": "mail.invalid"}
    assert len(warn()) == 1


@pytest.mark.parametrize("origin", ["null", "javascript:alert(1)", "https://<b>x</b>", "x" * 200])
def test_an_odd_origin_is_named_in_our_words(
    alice: User, as_alice: Client, integration: Integration, faq: Chatflow, origin: str
) -> None:
    call(integration.key, faq, origin)
    (mail,) = warn()
    assert "a page without an address" in outbox.body(mail)[0]
    page = as_alice.get(reverse("key_page", args=["acme", integration.key.id])).content.decode()
    assert "a page without an address" in page
    assert "<b>x</b>" not in page


def test_the_page_and_the_list_tell_of_it_for_14_days(
    as_vera: Client, integration: Integration, faq: Chatflow
) -> None:
    def shown() -> tuple[bool, bool]:
        page = as_vera.get(reverse("key_page", args=["acme", integration.key.id]))
        listed = as_vera.get(reverse("key_list", args=["acme"]))
        return "sent by a web page" in page.content.decode(), "Seen in a<span" in (
            listed.content.decode()
        )

    assert shown() == (False, False)
    call(integration.key, faq, SHOP, days_ago=13.9)
    assert shown() == (True, True)
    OriginDay.objects.update(last_at=timezone.now() - timedelta(days=14, minutes=1))
    assert shown() == (False, False)


def test_another_teams_calls_are_not_shown(
    as_alice: Client, globex: Team, integration: Integration
) -> None:
    flow = factories.chatflow(globex, "Theirs")
    theirs, _ = factories.key(globex, "theirs", flow)
    call(theirs, flow, SHOP)
    OriginDay.objects.update(key_id=integration.key.id)
    page = as_alice.get(reverse("key_page", args=["acme", integration.key.id]))
    assert "sent by a web page" not in page.content.decode()


def test_an_origin_that_was_told_of_is_not_told_again_for_a_new_text(
    alice: User, integration: Integration, faq: Chatflow
) -> None:
    call(integration.key, faq, SHOP)
    assert len(warn()) == 1
    keys.issue(integration.key, factories.TESTER, replace=True)
    pass_days(2)
    assert warn() == []
