"""The flow app's door: its own login, its own session, and nothing else that it opens."""

import re
from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.contrib.auth import hashers
from django.core import signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Team
from chatflows.flow_app import chats, flow_apps
from chatflows.flow_app.chats import Shown
from chatflows.flow_app.flow_apps import Login
from chatflows.models import Chatflow, FlowApp, FlowSession
from chatflows.services import chatflows
from tests import factories

PASSWORD = "seven quiet lanterns"
HOME, LOGIN = "/flow/acme/", "/flow/acme/login/"
GIVEN = {"username": "guests", "password": PASSWORD}


def turn_on(team: Team, state: str = "password") -> None:
    flow_apps.save(team, state, Login("guests", PASSWORD), factories.TESTER)


@pytest.fixture
def chat(acme: Team, faq: Chatflow) -> Chatflow:
    """A chatflow that acme publishes, behind the password."""
    turn_on(acme)
    chats.save(faq, Shown(True, "Ask acme", "Hello."), factories.TESTER)
    return faq


@pytest.fixture
def visitor(chat: Chatflow) -> Client:
    """Someone who is in."""
    browser = Client()
    assert browser.post(LOGIN, GIVEN).status_code == 302
    return browser


def url(chatflow_id: UUID, name: str = "hosted_chat", team: str = "acme") -> str:
    return reverse(name, args=[team, chatflow_id])


def plain(response: Any, slug: str) -> str:
    """A page's text without its request id, its CSRF token and its own slug."""
    text = factories.without_id_and_time(response)
    return re.sub(r'value="\w{64}"', "", text).replace(f"/flow/{slug}/", "/flow/x/")


def test_who_knows_the_password_comes_in_and_sees_what_is_published(chat: Chatflow) -> None:
    browser = Client()
    assert "Log in to chat" in browser.get(HOME).content.decode()
    response = browser.post(LOGIN, GIVEN)
    assert response["Location"] == HOME
    cookie = response.cookies[settings.FLOW_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    body = browser.get(HOME).content.decode()
    assert "Ask acme" in body
    assert chat.name not in body


def test_the_username_is_the_same_in_any_case(chat: Chatflow) -> None:
    assert Client().post(LOGIN, {**GIVEN, "username": " Guests "}).status_code == 302


@pytest.mark.parametrize(
    "change",
    [
        {"password": PASSWORD + "!"},
        {"password": PASSWORD.upper()},
        {"password": f" {PASSWORD}"},
        {"password": ""},
        {"password": "x" * 1024 * 1024},
        {"password": "nul\0"},
        {"username": "alice"},
        {"username": ""},
        {"username": "x" * 300},
        {"username": "guests\0"},
    ],
    ids=lambda change: str(change)[:30],
)
def test_a_wrong_login_is_refused(chat: Chatflow, change: dict[str, str]) -> None:
    response = Client().post(LOGIN, {**GIVEN, **change})
    assert response.status_code == 422
    assert settings.FLOW_COOKIE_NAME not in response.cookies
    assert not FlowSession.objects.exists()


def test_an_open_app_asks_for_no_password(acme: Team, chat: Chatflow, client: Client) -> None:
    turn_on(acme, "open")
    assert "Ask acme" in client.get(HOME).content.decode()
    assert client.get(url(chat.id)).status_code == 200
    assert client.get(LOGIN)["Location"] == HOME
    assert not FlowSession.objects.exists()  # looking costs no row


CHAT = factories.NOBODYS_ID
ADDRESSES = [
    ("get", ""),
    ("head", ""),
    ("post", ""),
    ("get", "login/"),
    ("post", "login/"),
    ("get", "logout/"),
    ("post", "logout/"),
    ("get", f"{CHAT}/"),
    ("post", f"{CHAT}/"),
    ("get", f"{CHAT}/stream/"),
    ("post", f"{CHAT}/stream/"),
    ("get", "nothing/"),
    ("put", "login/"),
]


@pytest.mark.parametrize("why", ["never set", "off", "suspended"])
def test_an_unknown_team_and_one_that_is_off_are_the_same_404_everywhere(
    acme: Team, chat: Chatflow, visitor: Client, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    if why == "suspended":
        Team.objects.filter(pk=acme.pk).update(suspended_at=timezone.now())
    elif why == "off":
        turn_on(acme, "off")
    else:
        FlowApp.objects.of(acme).delete()
    monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", _never)
    for browser, (method, rest) in product((visitor, Client()), ADDRESSES):
        told = {}
        for slug in ("acme", "nobody"):
            with CaptureQueriesContext(connection) as queries:
                response = getattr(browser, method)(f"/flow/{slug}/{rest}", GIVEN)
            page = (plain(response, slug), response.status_code, sorted(response.headers))
            told[slug] = (page, sorted(response.cookies), len(queries))
        assert told["acme"] == told["nobody"], (method, rest)
        assert told["acme"][0][1] == NOT_TAKEN.get((method, rest), 404), (method, rest)


NOT_TAKEN = {("post", ""): 405, ("get", "logout/"): 302, ("put", "login/"): 405}


def _never(*_: object) -> str:
    raise AssertionError("a hash was made")


def test_guessing_is_locked_out_and_a_right_password_then_too(chat: Chatflow) -> None:
    wrong = {**GIVEN, "password": "wrong"}
    statuses = [Client().post(LOGIN, wrong).status_code for _ in range(11)]
    assert statuses == [422] * 10 + [429]
    response = Client().post(LOGIN, GIVEN)
    assert (response.status_code, int(response["Retry-After"]) > 0) == (429, True)
    assert "Too many tries" in response.content.decode()
    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    assert elsewhere.post(LOGIN, GIVEN).status_code == 302


def test_a_login_wants_the_csrf_token(chat: Chatflow) -> None:
    browser = Client(enforce_csrf_checks=True)
    assert browser.post(LOGIN, GIVEN).status_code == 403
    assert browser.post(LOGIN, GIVEN, headers={"origin": "https://evil.example"}).status_code == 403
    assert not FlowSession.objects.exists()


def test_a_forged_host_is_refused(chat: Chatflow) -> None:
    response = Client().post(LOGIN, GIVEN, headers={"host": "evil.example"})
    assert response.status_code == 400
    assert not FlowSession.objects.exists()


def test_logging_out_ends_it_also_for_who_copied_the_cookie(visitor: Client) -> None:
    copied = Client()
    copied.cookies.load(visitor.cookies.output(header="", sep=";"))
    copied.cookies[settings.FLOW_COOKIE_NAME] = visitor.cookies[settings.FLOW_COOKIE_NAME].value
    assert "Ask acme" in copied.get(HOME).content.decode()
    response = visitor.post("/flow/acme/logout/")
    assert response["Location"] == HOME
    assert "Ask acme" not in copied.get(HOME).content.decode()
    assert visitor.get("/flow/acme/logout/")["Location"] == "/flow/acme/"


def test_a_visit_ends_by_itself(visitor: Client) -> None:
    FlowSession.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "Ask acme" not in visitor.get(HOME).content.decode()
    visitor.post(LOGIN, GIVEN)
    assert FlowSession.objects.count() == 1  # the old one is swept


def test_a_new_login_replaces_the_visit(visitor: Client, acme: Team) -> None:
    before = FlowSession.objects.get().digest
    visitor.cookies["x"] = "1"
    flow_apps.save(acme, "password", Login("guests", PASSWORD + "!"), factories.TESTER)
    visitor.post(LOGIN, {**GIVEN, "password": PASSWORD + "!"})
    assert FlowSession.objects.get().digest != before


def _forged(cookie: str, acme: Team, globex: Team) -> dict[str, str]:
    token = cookie.partition(".")[2].rpartition(":")[0]
    signer = signing.Signer(salt="flowlatch.flow-session")
    return {
        "empty": "",
        "nonsense": "x",
        "cut": cookie[:-1],
        "changed": cookie[:40] + ("a" if cookie[40] != "a" else "b") + cookie[41:],
        "unsigned": cookie.rpartition(":")[0],
        "the token alone": token,
        "another team": signer.sign(f"{globex.id}.{token}"),
        "no token": signer.sign(f"{acme.id}."),
        "the digest": signer.sign(f"{acme.id}.{FlowSession.objects.get().digest}"),
        "another salt": signing.Signer(salt="x").sign(f"{acme.id}.{token}"),
        "long": "x" * 8000,
    }


def test_a_tampered_cookie_opens_nothing(visitor: Client, acme: Team, globex: Team) -> None:
    good = visitor.cookies[settings.FLOW_COOKIE_NAME].value
    for name, cookie in _forged(good, acme, globex).items():
        browser = Client()
        browser.cookies[settings.FLOW_COOKIE_NAME] = cookie
        assert "Log in to chat" in browser.get(HOME).content.decode(), name


def test_a_visit_of_one_team_is_none_of_another(
    visitor: Client, globex: Team, chat: Chatflow
) -> None:
    turn_on(globex)
    assert "Log in to chat" in visitor.get("/flow/globex/").content.decode()
    assert visitor.get(url(chat.id, team="globex"))["Location"] == "/flow/globex/"


def test_a_foreign_chat_and_a_random_one_look_the_same(
    visitor: Client, acme: Team, globex: Team
) -> None:
    theirs = factories.chatflow(globex, "Theirs")
    chats.save(theirs, Shown(True, "Theirs"), factories.TESTER)
    turn_on(globex)
    hidden = factories.chatflow(acme, "Not published")
    pages: list[Any] = [
        visitor.get(url(one)) for one in (theirs.id, hidden.id, factories.NOBODYS_ID)
    ]
    assert {page.status_code for page in pages} == {404}
    assert len({factories.without_id_and_time(page) for page in pages}) == 1


@pytest.mark.parametrize("why", ["off", "unpublished", "deleted"])
def test_a_chat_that_is_closed_is_404_and_not_listed(
    visitor: Client, chat: Chatflow, why: str
) -> None:
    where = {name: url(chat.id, name) for name in ("hosted_chat", "hosted_chat_stream")}
    if why == "off":
        Chatflow.objects.filter(pk=chat.pk).update(access_mode="off")
    elif why == "unpublished":
        chats.save(chat, Shown(False, "Ask acme"), factories.TESTER)
    else:
        chatflows.delete(chat, factories.TESTER)
    assert visitor.get(where["hosted_chat"]).status_code == 404
    assert visitor.post(where["hosted_chat_stream"]).status_code == 404
    assert "No chat is here yet" in visitor.get(HOME).content.decode()


def test_a_visit_opens_no_page_of_the_dashboard(visitor: Client, chat: Chatflow) -> None:
    pages: list[Callable[[], str]] = [
        lambda: reverse("chatflow_list", args=["acme"]),
        lambda: reverse("chatflow_try", args=["acme", chat.id]),
        lambda: reverse("key_list", args=["acme"]),
        lambda: reverse("flow_app", args=["acme"]),
    ]
    for page in pages:
        assert visitor.get(page())["Location"].startswith("/login/")
        assert visitor.post(page())["Location"].startswith("/login/")
    assert "sessionid" not in visitor.cookies
    assert settings.SESSION_COOKIE_NAME not in visitor.cookies


def test_the_cookie_under_another_name_is_no_session_of_a_member(visitor: Client) -> None:
    visitor.cookies[settings.SESSION_COOKIE_NAME] = visitor.cookies[settings.FLOW_COOKIE_NAME].value
    assert visitor.get(reverse("chatflow_list", args=["acme"])).status_code == 302


def test_a_member_of_the_team_logs_in_like_anyone(as_alice: Client, chat: Chatflow) -> None:
    assert "Log in to chat" in as_alice.get(HOME).content.decode()
    assert as_alice.get(url(chat.id))["Location"] == HOME
    posted = {"question": "?", "chat_id": str(factories.NOBODYS_ID)}
    stream = url(chat.id, "hosted_chat_stream")
    assert as_alice.post(stream, posted)["Location"] == HOME
    as_alice.cookies[settings.FLOW_COOKIE_NAME] = as_alice.cookies[
        settings.SESSION_COOKIE_NAME
    ].value
    assert "Log in to chat" in as_alice.get(HOME).content.decode()


def test_no_page_holds_a_key_and_none_is_kept(
    visitor: Client, chat: Chatflow, issued_default_key: str
) -> None:
    for page in (HOME, url(chat.id)):
        response = visitor.get(page)
        assert "flk_" not in response.content.decode()
        assert response["Cache-Control"] == "no-store"


def test_neither_password_nor_cookie_is_in_the_database(visitor: Client) -> None:
    token = visitor.cookies[settings.FLOW_COOKIE_NAME].value.partition(".")[2].rpartition(":")[0]
    dump = factories.dump()
    assert PASSWORD not in dump
    assert token not in dump
