"""What pages say before something stops, and after a person logged out."""

import pytest
from django.test import Client

from accounts.models import Team, User
from chatflows.calls import store
from chatflows.models import Chatflow
from tests import factories
from tests.conftest import Integration

pytestmark = pytest.mark.django_db


def test_who_logs_out_reads_that_it_is_done(as_alice: Client) -> None:
    page = as_alice.post("/logout/", follow=True)
    assert page.redirect_chain[-1][0] == "/login/"
    assert "You are logged out." in page.content.decode()


def test_who_was_not_logged_in_reads_nothing(client: Client) -> None:
    assert "You are logged out." not in client.post("/logout/", follow=True).content.decode()


def test_a_suspension_says_how_many_keys_and_calls_it_stops(
    acme: Team, alice: User, faq: Chatflow, integration: Integration
) -> None:
    User.objects.filter(pk=alice.pk).update(is_operator=True)
    store.write([factories.call(faq, integration.key) for _ in range(3)])
    browser = factories.client(User.objects.get(pk=alice.pk), is_fresh=True)
    page = " ".join(browser.get(f"/operator/teams/{acme.id}/suspend/").content.decode().split())
    assert "1 key that works now, and 3 calls in the last 14 days" in page
    assert "its 1 member, who" in page


def test_disabling_a_key_says_how_many_calls_it_stops(
    as_alice: Client, faq: Chatflow, integration: Integration
) -> None:
    store.write([factories.call(faq, integration.key) for _ in range(2)])
    page = as_alice.get(f"/t/acme/keys/{integration.key.id}/").content.decode()
    assert "until you enable it again: 2 in the last 14 days." in page
    menu = as_alice.get("/t/acme/keys/").content.decode()
    assert "2 calls let in over 14 days." in menu


def test_the_last_calls_are_a_page_without_a_script(as_vera: Client, faq: Chatflow) -> None:
    page = as_vera.get(f"/t/acme/chatflows/{faq.id}/calls/")
    assert page.headers["Location"] == f"/t/acme/chatflows/{faq.id}/calls/all/"
