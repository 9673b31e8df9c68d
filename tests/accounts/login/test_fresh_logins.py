"""Fresh logins: what allauth notes is what we read (its function is not public)."""

import time

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from django.http import HttpRequest
from django.test import Client

from accounts.login import fresh_logins
from accounts.models import User
from tests import factories

pytestmark = pytest.mark.django_db


def request_of(browser: Client, person: User) -> HttpRequest:
    request = HttpRequest()
    request.session, request.user = browser.session, person
    return request


def test_a_login_by_the_page_is_fresh(client: Client, alice: User) -> None:
    client.post("/login/", {"login": "alice", "password": factories.PASSWORD})
    assert fresh_logins.is_fresh(request_of(client, alice))


def test_a_session_without_a_password_is_not(alice: User) -> None:
    assert not fresh_logins.is_fresh(request_of(factories.client(alice), alice))


def test_a_noted_password_is_fresh_for_ten_minutes(alice: User) -> None:
    browser = factories.client(alice, is_fresh=True)
    assert fresh_logins.is_fresh(request_of(browser, alice))
    factories.note_password(browser, alice, seconds_ago=601)
    assert not fresh_logins.is_fresh(request_of(browser, alice))


def test_a_note_holds_the_time_and_no_password(alice: User) -> None:
    browser = factories.client(alice, is_fresh=True)
    (record,) = browser.session[AUTHENTICATION_METHODS_SESSION_KEY]
    assert record["method"] == "password"
    assert abs(record["at"] - time.time()) < 60
    assert factories.PASSWORD not in str(dict(browser.session))
