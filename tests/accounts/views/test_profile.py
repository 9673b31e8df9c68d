"""Profile: the devices that are logged in, ended one by one or all, and a new password."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.db.models import F
from django.test import Client
from django.utils import timezone

from accounts.login import devices
from accounts.login.session_store import SessionStore, digest_of
from accounts.models import AuditEvent, Mail, Session, User
from tests import factories

pytestmark = pytest.mark.django_db

PROFILE, CHANGE = "/profile/", "/profile/password/"
NEW = "another good password"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
)


def logged_in(name: str, user_agent: str = "", address: str = "203.0.113.9") -> Client:
    """A browser that came by the login page."""
    browser = Client(headers={"user-agent": user_agent}, REMOTE_ADDR=address)
    fields = {"login": name, "password": factories.PASSWORD}
    assert browser.post("/login/", fields).status_code == 302
    browser.get(PROFILE)
    return browser


def digest(browser: Client) -> str:
    return digest_of(browser.cookies["flowlatch"].value)


def is_in(browser: Client) -> bool:
    return browser.get(PROFILE).status_code == 200


def change(browser: Client, current: str = factories.PASSWORD, password: str = NEW) -> int:
    return browser.post(CHANGE, {"current": current, "password": password}).status_code


def test_devices_are_listed_with_place_and_last_use(alice: User, mallory: User) -> None:
    laptop = logged_in("alice", FIREFOX, "203.0.113.9")
    logged_in("alice", IPHONE, "198.51.100.4")
    logged_in("mallory", EDGE, "192.0.2.66")
    page = laptop.get(PROFILE).content.decode()
    for words in ("Firefox on Linux", "203.0.113.9", "Safari on iPhone", "198.51.100.4"):
        assert words in page
    assert page.count("This device") == 1
    assert "alice@example.com" in page
    assert "192.0.2.66" not in page
    assert "Edge" not in page


def test_a_device_is_logged_out_and_the_others_stay(alice: User) -> None:
    laptop, phone, tablet = (logged_in("alice") for _ in range(3))
    assert laptop.post(f"{PROFILE}sessions/{digest(phone)}/end/").status_code == 302
    assert [is_in(browser) for browser in (laptop, phone, tablet)] == [True, False, True]
    assert AuditEvent.objects.latest("pk").action == "user.end_session"


def test_all_other_devices_are_logged_out_at_once(alice: User, mallory: User) -> None:
    laptop, phone, tablet = (logged_in("alice") for _ in range(3))
    other = logged_in("mallory")
    laptop.post(f"{PROFILE}sessions/end-others/")
    assert [is_in(b) for b in (laptop, phone, tablet, other)] == [True, False, False, True]
    laptop.post(f"{PROFILE}sessions/end-others/")  # none is left: nothing to note
    noted = AuditEvent.objects.filter(action="user.end_sessions").get()
    assert (noted.actor_name, noted.before) == ("alice", {"devices": 2})


def test_nobody_ends_someone_elses_session(alice: User, mallory: User) -> None:
    laptop, other = logged_in("alice"), logged_in("mallory")
    assert other.post(f"{PROFILE}sessions/{digest(laptop)}/end/").status_code == 404
    assert is_in(laptop)


@pytest.mark.parametrize("digest", ["x", "0" * 64, "null", "%00", "x" * 5000])
def test_a_made_up_session_is_not_found(as_alice: Client, digest: str) -> None:
    assert as_alice.post(f"{PROFILE}sessions/{digest}/end/").status_code == 404


def test_opening_an_address_ends_nothing(alice: User) -> None:
    laptop = logged_in("alice")
    for address in (f"sessions/{digest(laptop)}/end/", "sessions/end-others/"):
        assert laptop.get(PROFILE + address)["Location"] == PROFILE
    assert is_in(laptop)


@pytest.mark.parametrize("path", [PROFILE, CHANGE, f"{PROFILE}sessions/end-others/"])
def test_a_visitor_is_led_to_the_login(client: Client, path: str) -> None:
    assert client.post(path)["Location"].startswith("/login/")


def test_use_is_noted_at_most_once_a_minute(alice: User) -> None:
    laptop = logged_in("alice")
    noted = Session.objects.get(user=alice).last_used_at
    laptop.get(PROFILE)
    assert Session.objects.get(user=alice).last_used_at == noted
    Session.objects.update(last_used_at=F("last_used_at") - timedelta(seconds=61))
    laptop.get(PROFILE, REMOTE_ADDR="198.51.100.4")
    row = Session.objects.get(user=alice)
    assert row.address == "198.51.100.4"
    assert row.last_used_at is not None
    assert timezone.now() - row.last_used_at < timedelta(seconds=30)


def test_the_database_holds_no_key_of_a_session(alice: User) -> None:
    laptop = logged_in("alice")
    key = laptop.cookies["flowlatch"].value
    assert key not in factories.dump()
    stranger = Client()
    stranger.cookies["flowlatch"] = digest(laptop)
    assert stranger.get(PROFILE).status_code == 302


def test_a_session_ended_in_the_middle_of_a_request_stays_ended(alice: User) -> None:
    laptop = logged_in("alice")
    store = SessionStore(laptop.cookies["flowlatch"].value)
    store["x"] = 1
    Session.objects.all().delete()
    with pytest.raises(UpdateError):
        store.save()
    assert not Session.objects.exists()


def test_an_expired_session_is_none(alice: User) -> None:
    laptop = logged_in("alice")
    Session.objects.update(expire_date=timezone.now())
    assert not is_in(laptop)


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        (IPHONE, "Safari on iPhone"),
        (EDGE, "Edge on Windows"),
        ("curl/8.5.0", "curl"),
        ("", "Unknown browser"),
        ("<script>alert(1)</script>", "Unknown browser"),
        ("x" * 100_000, "Unknown browser"),
    ],
    ids=lambda v: v[:16],
)
def test_a_browser_is_named_in_words(user_agent: str, name: str) -> None:
    assert devices.name_of(user_agent) == name


def test_a_new_password_logs_out_all_others_and_keeps_me(alice: User, settings: Any) -> None:
    settings.MAIL_SERVER = {"EMAIL_HOST": "mail.invalid", "EMAIL_PORT": 25}
    laptop, phone = logged_in("alice"), logged_in("alice")
    before = digest(laptop)
    assert change(laptop) == 302
    assert is_in(laptop)
    assert digest(laptop) != before
    assert not is_in(phone)
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert Mail.objects.get().kind == "password_changed"
    assert AuditEvent.objects.get(action="user.change_password").actor_name == "alice"


def test_this_device_stays_a_known_one(alice: User) -> None:
    laptop = logged_in("alice")
    change(laptop)
    laptop.post("/logout/")
    for _ in range(11):
        wrong = {"login": "alice", "password": "wrong password here"}
        Client(REMOTE_ADDR="203.0.113.9").post("/login/", wrong)
    assert laptop.post("/login/", {"login": "alice", "password": NEW}).status_code == 302


@pytest.mark.parametrize(
    ("current", "password"),
    [
        ("wrong password here", NEW),
        ("", NEW),
        (factories.PASSWORD, ""),
        (factories.PASSWORD, "short"),
        (factories.PASSWORD, "alice@example.com"),
        (factories.PASSWORD, "x" * 2**20),
        ("x" * 2**20, NEW),
        (factories.PASSWORD, "a good one\0 not"),
    ],
    ids=lambda v: v[:12],
)
def test_a_bad_form_changes_nothing(
    as_alice: Client, alice: User, current: str, password: str
) -> None:
    assert change(as_alice, current, password) == 422
    alice.refresh_from_db()
    assert alice.check_password(factories.PASSWORD)
    assert is_in(as_alice)


def test_guessing_the_current_password_is_locked(as_alice: Client, alice: User) -> None:
    assert [change(as_alice, "wrong password here") for _ in range(10)] == [422] * 10
    assert change(as_alice) == 429
    alice.refresh_from_db()
    assert alice.check_password(factories.PASSWORD)


def test_a_refused_new_password_costs_no_attempt(as_alice: Client) -> None:
    for _ in range(12):
        assert change(as_alice, "wrong password here", "short") == 422
    assert change(as_alice) == 302
