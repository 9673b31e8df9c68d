"""Login and logout."""

import os
import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch
from pytest_django import Settings

from accounts.login.session_store import digest_of
from accounts.models import LockOut, Session, Team, User
from tests import factories
from tests.accounts.login.browsers import LOGIN, enter

pytestmark = pytest.mark.django_db


def is_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session


@pytest.mark.parametrize(
    "login", ["alice", "ALICE", " alice ", "alice@example.com", "Alice@Example.COM"]
)
def test_a_person_logs_in_with_username_or_email(client: Client, alice: User, login: str) -> None:
    response = client.post(LOGIN, {"login": login, "password": factories.PASSWORD})
    assert response.status_code == 302
    assert response["Location"] == "/"
    assert is_in(client)


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("alice", "wrong password here"),
        ("alice", factories.PASSWORD.upper()),
        ("alice", factories.PASSWORD + " "),
        ("nobody", factories.PASSWORD),
        ("nobody@example.com", factories.PASSWORD),
        ("", factories.PASSWORD),
        ("alice", ""),
        ("alice\0", factories.PASSWORD),
        ("x" * 10_000, factories.PASSWORD),
        ("<script>alert(1)</script>", "x"),
        ("🔑", "🔑"),
        ("%", factories.PASSWORD),
    ],
    ids=lambda v: v[:20],
)
def test_a_wrong_login_stays_outside(
    client: Client, alice: User, login: str, password: str
) -> None:
    response = client.post(LOGIN, {"login": login, "password": password})
    assert response.status_code == 422
    assert not is_in(client)
    assert b"<script>alert" not in response.content
    assert password.encode() not in response.content or len(password) < 3


def test_a_known_and_an_unknown_name_get_the_same_words(client: Client, alice: User) -> None:
    def words(login: str) -> str:
        response = client.post(LOGIN, {"login": login, "password": "wrong password here"})
        body = response.content.decode().replace(login, "").replace(response["X-Request-Id"], "")
        return "".join(line for line in body.splitlines() if "csrf" not in line.lower())

    assert words("alice") == words("nobod")


def test_both_ways_run_one_hash(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.contrib.auth.hashers import MD5PasswordHasher

    runs: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(hasher: MD5PasswordHasher, password: str, salt: str) -> str:
        runs.append(password)
        return str(encode(hasher, password, salt))

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    for login in ("alice", "alice@example.com", "nobody", "nobody@example.com"):
        runs.clear()
        enter(client, login, "wrong password here")
        assert len(runs) == 1, login


def test_both_ways_take_the_same_statements(client: Client, alice: User) -> None:
    def statements(login: str) -> list[str]:
        with CaptureQueriesContext(connection) as asked:
            enter(client, login, "wrong password here")
        return [re.sub(r"\d+", "", q["sql"][:30]) for q in asked.captured_queries]

    enter(client, "warm-up", "wrong password here")
    known = statements("alice")
    for login in ("alice@example.com", "nobody", "nobody@example.com"):
        new = statements(login)
        assert new == known, login


def test_under_https_every_cookie_is_bound_to_the_host() -> None:
    names = "SESSION_COOKIE_NAME CSRF_COOKIE_NAME DEVICE_COOKIE_NAME SESSION_COOKIE_SECURE"
    code = f"from config import settings as s; print(*[getattr(s, n) for n in {names.split()}])"
    environment = {**os.environ, "PUBLIC_URL": "https://flowlatch.example"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    *cookies, is_secure = done.stdout.split()
    assert all(name.startswith("__Host-") for name in cookies)
    assert is_secure == "True"


@pytest.mark.parametrize("login", ["alice", "nobody"])
def test_an_endless_password_is_wrong_and_no_fault(
    client: Client, alice: User, settings: Settings, login: str
) -> None:
    settings.PASSWORD_HASHERS = ["accounts.login.hashers.Argon2Hasher"]
    client.raise_request_exception = False
    assert enter(client, login, "x" * 5000) == 422
    assert not is_in(client)


@pytest.mark.parametrize("length", [255, 60_000])
def test_an_endless_name_is_refused_before_any_hash(
    client: Client, alice: User, length: int
) -> None:
    answer = client.post("/login/", {"login": "a" * length, "password": "wrong password"})
    assert answer.status_code == 422
    assert not LockOut.objects.exists()


def test_a_person_who_is_not_active_stays_outside(client: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    client.raise_request_exception = False
    assert enter(client, "alice") == 422
    assert not is_in(client)


def test_a_login_begins_a_new_session(client: Client, alice: User) -> None:
    session = client.session
    session["before"] = "x"
    session.save()
    before = session.session_key
    client.cookies["flowlatch"] = before or ""
    enter(client, "alice")
    assert client.session.session_key != before
    assert not Session.objects.filter(session_key=digest_of(before or "")).exists()


@pytest.mark.parametrize(
    "next_url", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:x"]
)
def test_a_login_never_leads_away(client: Client, alice: User, next_url: str) -> None:
    data = {"login": "alice", "password": factories.PASSWORD, "next": next_url}
    location = client.post(f"{LOGIN}?next={next_url}", data)["Location"]
    assert location == "/"


def test_a_login_leads_back_to_the_page(client: Client, alice: User) -> None:
    asked = client.get("/t/acme/keys/")["Location"]
    back = client.post(asked, {"login": "alice", "password": factories.PASSWORD})
    assert back["Location"] == "/t/acme/keys/"


def test_cookies_are_for_http_alone(client: Client, alice: User) -> None:
    enter(client, "alice")
    cookie = client.cookies["flowlatch"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_a_get_of_logout_ends_nothing(as_alice: Client) -> None:
    assert as_alice.get("/logout/").status_code == 200
    assert is_in(as_alice)


def test_logout_ends_the_session(as_alice: Client) -> None:
    key = as_alice.session.session_key
    response = as_alice.post("/logout/")
    assert response["Location"] == LOGIN
    assert not Session.objects.filter(session_key=digest_of(key or "")).exists()
    assert as_alice.get("/t/acme/keys/").status_code == 302


def test_logout_without_a_session_leads_to_the_login(client: Client, alice: User) -> None:
    response = client.post("/logout/")
    assert response.status_code == 302


def test_nobody_signs_up(client: Client, alice: User) -> None:
    for path in ("/signup/", "/accounts/signup/", "/password/reset/", "/email/", "/inactive/"):
        assert client.get(path).status_code == 404


def test_a_visitor_cannot_confirm_a_password(client: Client, alice: User) -> None:
    response = client.post("/reauthenticate/", {"password": factories.PASSWORD})
    assert urlsplit(response["Location"]).path == LOGIN


def test_someone_elses_password_confirms_nothing(alice: User, mallory: User, acme: Team) -> None:
    mallory.set_password("another good password")
    mallory.save()
    browser = factories.client(alice)
    browser.post("/reauthenticate/", {"password": "another good password"})
    assert browser.get("/t/acme/keys/new/").status_code == 302


def test_the_login_page_is_safe_to_open(client: Client, alice: User) -> None:
    response = client.get(LOGIN)
    assert response.status_code == 200
    policy = response["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert "frame-ancestors 'none'" in policy
    assert response["X-Frame-Options"] == "DENY"
    assert response["Cache-Control"] is not None
    assert "store" in response["Cache-Control"]


def test_no_url_of_allauth_is_missing_that_a_login_can_need(client: Client, alice: User) -> None:
    try:
        for _ in range(12):
            enter(client, "alice", "wrong password here")
    except NoReverseMatch as error:
        pytest.fail(str(error))


def test_attempts_are_counted_by_account_whatever_the_host_says(
    client: Client, alice: User
) -> None:
    for port in range(12):
        fields = {"login": "alice", "password": "wrong"}
        client.post("/login/", fields, headers={"host": f"localhost:{1000 + port}"})
    assert enter(client, "alice") == 429
    assert not is_in(client)


def test_confirming_the_password_gives_the_session_a_new_id(client: Client, alice: User) -> None:
    enter(client, "alice")
    before = client.session.session_key
    client.post("/reauthenticate/", {"password": factories.PASSWORD})
    assert is_in(client)
    assert client.session.session_key != before


@pytest.mark.parametrize("target", ["http://localhost/x", "http://127.0.0.1:1/", "//evil.example/"])
def test_the_way_on_after_login_stays_on_this_site(
    client: Client, alice: User, target: str
) -> None:
    response = client.post(
        f"/login/?next={target}", {"login": "alice", "password": factories.PASSWORD}
    )
    assert response.headers["location"].startswith("/")
    assert not response.headers["location"].startswith("//")


def test_a_foreign_host_is_told_the_right_address(client: Client) -> None:
    response = client.get("/login/", headers={"host": "192.0.2.5:8000"})
    assert response.status_code == 400
    assert b"PUBLIC_URL" in response.content
