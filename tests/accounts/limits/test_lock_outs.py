"""Lock-outs: ten wrong passwords, then one waits; nobody else's are counted."""

import threading
from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import signing
from django.db import connections
from django.db.models import F
from django.test import Client
from pytest_django import Settings

from accounts.limits import lock_outs
from accounts.limits.lock_outs import Attempt, Kind
from accounts.limits.too_many import TooMany
from accounts.models import LockOut, User
from tests import factories
from tests.endings import that_ends

pytestmark = pytest.mark.django_db

HERE, NEXT_DOOR, ELSEWHERE = "192.0.2.7", "192.0.2.200", "198.51.100.7"
ALICE = Attempt(Kind.LOGIN, "alice", HERE)
WRONG = "wrong password here"


def fail(attempt: Attempt = ALICE, times: int = 1) -> timedelta | None:
    """Try so often; returns how long the last one has to wait, or None if it was checked."""
    wait = None
    for _ in range(times):
        try:
            lock_outs.begin(attempt)
        except TooMany as error:
            wait = error.wait
        else:
            wait = None
    return wait


def pass_by(time: timedelta) -> None:
    LockOut.objects.update(last_failed_at=F("last_failed_at") - time)


def minutes(wait: timedelta | None) -> int:
    return -(-int((wait or timedelta()).total_seconds()) // 60)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that were hashed."""
    runs: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(hasher: MD5PasswordHasher, password: str, salt: str) -> str:
        runs.append(password)
        return str(encode(hasher, password, salt))

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    return runs


def post(browser: Client, login: str, password: str, address: str = HERE) -> int:
    fields = {"login": login, "password": password}
    return browser.post("/login/", fields, REMOTE_ADDR=address).status_code


def test_ten_attempts_are_checked_and_the_eleventh_waits() -> None:
    assert fail(times=10) is None
    assert minutes(fail()) == 15


def test_waiting_ends_after_a_quarter_of_an_hour_and_doubles_with_each_failure() -> None:
    fail(times=10)
    for expected in (30, 60, 120, 240, 480, 480):
        pass_by(timedelta(hours=8))
        assert fail() is None
        assert minutes(fail()) == expected


def test_asking_while_locked_out_does_not_make_it_longer() -> None:
    fail(times=10)
    pass_by(timedelta(minutes=14))
    assert minutes(fail(times=20)) == 1


def test_there_are_never_more_than_ten_in_a_quarter_of_an_hour() -> None:
    for _ in range(10):  # spread, so that a fixed window would begin anew in between
        assert fail() is None
        pass_by(timedelta(minutes=5))
    assert fail() is not None


def test_a_quiet_quarter_of_an_hour_forgives_a_few_and_a_day_forgives_all() -> None:
    fail(times=9)
    pass_by(timedelta(minutes=15))
    assert fail(times=10) is None
    pass_by(timedelta(days=1))
    assert fail(times=10) is None


def test_a_right_password_begins_anew() -> None:
    fail(times=9)
    lock_outs.note_success(ALICE)
    assert fail(times=10) is None


def test_an_attempt_that_nobody_could_check_does_not_count() -> None:
    for _ in range(20):
        assert fail() is None
        lock_outs.uncount(ALICE)


@pytest.mark.parametrize(
    "spelling", ["ALICE", " alice ", "\uff41lice", "al\u0131ce", "ALICE\u3000"]
)
def test_another_spelling_is_the_same_name(spelling: str) -> None:
    fail(times=10)
    assert fail(Attempt(Kind.LOGIN, spelling, HERE)) is not None


def test_an_endless_name_takes_no_time() -> None:
    marks = "\u0316\u0301" * 50_000  # folded whole: ten seconds in which the process stands still
    with that_ends():
        fail(Attempt(Kind.LOGIN, marks, HERE))


def test_the_same_network_is_the_same_place_and_another_is_not() -> None:
    fail(times=10)
    assert fail(Attempt(Kind.LOGIN, "alice", NEXT_DOOR)) is not None
    assert fail(Attempt(Kind.LOGIN, "alice", ELSEWHERE)) is None


def test_an_ipv6_network_is_a_48() -> None:
    for n in range(10):
        fail(Attempt(Kind.LOGIN, "alice", f"2001:db8:1:{n}::1"))
    assert fail(Attempt(Kind.LOGIN, "alice", "2001:db8:1:ffff::9")) is not None
    assert fail(Attempt(Kind.LOGIN, "alice", "2001:db8:2::1")) is None


@pytest.mark.parametrize("kind", [Kind.FRESH_LOGIN, Kind.FLOW_LOGIN])
def test_another_kind_counts_for_itself(kind: Kind) -> None:
    fail(times=10)
    assert fail(Attempt(kind, "alice", HERE)) is None


def test_a_known_device_has_a_small_allowance_of_its_own() -> None:
    device = Attempt(Kind.LOGIN, "alice", HERE, device="1:abc")
    fail(times=10)
    assert fail(device, times=lock_outs.DEVICE_LIMIT) is None
    assert fail(device) is not None


def test_one_network_has_a_hundred_for_all_names_and_gets_them_back_evenly() -> None:
    for n in range(lock_outs.NETWORK_LIMIT):
        assert fail(Attempt(Kind.LOGIN, f"person{n}", HERE)) is None
    assert fail(Attempt(Kind.LOGIN, "one-more", HERE)) is not None
    assert fail(Attempt(Kind.LOGIN, "one-more", ELSEWHERE)) is None
    pass_by(lock_outs.WINDOW / lock_outs.NETWORK_LIMIT)
    assert fail(Attempt(Kind.LOGIN, "one-more", HERE)) is None


def test_a_full_network_makes_no_more_rows() -> None:
    for n in range(lock_outs.NETWORK_LIMIT + 20):
        fail(Attempt(Kind.LOGIN, f"person{n}", HERE))
    assert LockOut.objects.count() == lock_outs.NETWORK_LIMIT + 1


def test_what_was_typed_is_not_stored() -> None:
    fail(Attempt(Kind.LOGIN, "my-secret-in-the-wrong-field", HERE))
    assert "my-secret" not in factories.dump().lower()


def test_old_counters_go() -> None:
    fail()
    pass_by(timedelta(days=1, minutes=1))
    fail(Attempt(Kind.LOGIN, "adam", ELSEWHERE))
    assert lock_outs.forget_old() == 2
    assert LockOut.objects.count() == 2


@pytest.mark.parametrize(
    ("wait", "words"),
    [
        (timedelta(seconds=1), "1 minute"),
        (timedelta(minutes=14, seconds=1), "15 minutes"),
        (timedelta(minutes=60), "60 minutes"),
        (timedelta(hours=7, minutes=1), "8 hours"),
    ],
)
def test_a_wait_is_told_in_words(wait: timedelta, words: str) -> None:
    assert lock_outs.in_words(wait) == words


@pytest.mark.parametrize("login", ["alice", "nobody", "alice@example.com", "nobody@example.com"])
def test_the_page_says_how_long_and_hashes_nothing(
    client: Client, alice: User, hashed: list[str], login: str
) -> None:
    for _ in range(10):
        assert post(client, login, WRONG) == 422
    hashed.clear()
    fields = {"login": login, "password": factories.PASSWORD}
    response = client.post("/login/", fields, REMOTE_ADDR=HERE)
    assert response.status_code == 429
    assert 890 <= int(response["Retry-After"]) <= 901
    assert b"Wait 15 minutes" in response.content
    assert hashed == []


def test_a_forged_header_moves_nothing(client: Client, alice: User) -> None:
    for n in range(11):
        fields = {"login": "alice", "password": WRONG}
        forged = {"x-forwarded-for": f"203.0.{n}.1", "forwarded": f"for=203.0.{n}.1"}
        status = client.post("/login/", fields, REMOTE_ADDR=HERE, headers=forged).status_code
    assert status == 429


def test_behind_our_proxy_the_callers_network_counts(
    client: Client, alice: User, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.0/8")]
    for n in range(11):
        fields = {"login": "alice", "password": WRONG}
        far = {"x-forwarded-for": f"1.2.3.{n}, 203.0.{n}.1"}
        status = client.post("/login/", fields, REMOTE_ADDR="10.0.0.1", headers=far).status_code
    assert status == 422


def test_a_stranger_does_not_lock_the_owner_out_of_a_known_device(
    client: Client, alice: User
) -> None:
    assert post(client, "alice", factories.PASSWORD) == 302
    client.post("/logout/")
    for _ in range(11):
        post(Client(), "alice", WRONG)
    assert post(Client(), "alice", factories.PASSWORD) == 429
    assert post(client, "ALICE@example.com", factories.PASSWORD) == 302


def test_a_device_that_an_earlier_release_noted_is_known(client: Client, alice: User) -> None:
    noted = [alice.pk, "a-device", alice.get_session_auth_hash()[:16]]
    client.cookies["flowlatch-device"] = signing.dumps(noted, salt="accounts.known_devices")
    for _ in range(11):
        post(Client(), "alice", WRONG)
    assert post(Client(), "alice", factories.PASSWORD) == 429
    assert post(client, "alice", factories.PASSWORD) == 302


def test_a_device_of_one_person_is_no_ones_else(client: Client, alice: User, adam: User) -> None:
    post(client, "adam", factories.PASSWORD)
    client.post("/logout/")
    for _ in range(10):
        post(client, "alice", WRONG)
    assert post(client, "alice", factories.PASSWORD) == 429


def test_a_new_password_makes_other_devices_strangers(client: Client, alice: User) -> None:
    post(client, "alice", factories.PASSWORD)
    client.post("/logout/")
    alice.set_password("another good password")
    alice.save()
    for _ in range(10):
        post(Client(), "alice", WRONG)
    assert post(client, "alice", "another good password") == 429


@pytest.mark.parametrize("cookie", ["", "x", "a:b:c", "\x00", "W10:1v:x", "é" * 4000])
def test_a_forged_device_is_nobody(client: Client, alice: User, cookie: str) -> None:
    client.cookies["flowlatch-device"] = cookie
    for _ in range(10):
        post(client, "alice", WRONG)
    assert post(client, "alice", WRONG) == 429


def test_the_devices_cookie_is_for_http_alone_and_opens_nothing(
    client: Client, alice: User
) -> None:
    post(client, "alice", factories.PASSWORD)
    cookie = client.cookies["flowlatch-device"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    stranger = Client()
    stranger.cookies["flowlatch-device"] = cookie.value
    assert stranger.get("/t/acme/keys/").status_code == 302


def test_confirming_the_password_is_locked_too(as_alice: Client) -> None:
    def confirm(password: str) -> int:
        return as_alice.post("/reauthenticate/", {"password": password}).status_code

    assert [confirm(WRONG) for _ in range(10)] == [422] * 10
    assert confirm(factories.PASSWORD) == 429
    assert as_alice.get("/t/acme/keys/").status_code == 200


def test_a_stranger_at_the_login_page_stops_no_one_from_confirming(
    client: Client, as_alice: Client
) -> None:
    for _ in range(11):
        post(client, "alice", WRONG, address="127.0.0.1")
    fields = {"password": factories.PASSWORD}
    assert as_alice.post("/reauthenticate/", fields).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_of_fifty_at_once_ten_are_hashed(alice: User, hashed: list[str]) -> None:
    together = threading.Barrier(50)

    def attempt() -> None:
        together.wait(20)
        try:
            post(Client(raise_request_exception=False), "alice", WRONG)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=attempt) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= len(hashed) <= lock_outs.LIMIT
