"""One's own account: looks, time zone, username, a confirmed e-mail address, activity."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.mail import outbox
from accounts.models import AuditEvent, LinkToken, Mail, Team, User
from accounts.services import password_resets
from apikeys.models import ApiKey
from tests import factories
from tests.forms import send

pytestmark = [pytest.mark.django_db, pytest.mark.fast]

PROFILE, ACCOUNT = "/profile/", "/profile/account/"
NEW = "alice@new.example"


@pytest.fixture
def fresh(alice: User) -> Client:
    return factories.client(alice, is_fresh=True)


@pytest.fixture
def mailing(settings: Any) -> None:
    settings.MAIL_SERVER = {"host": "mail.example"}


def link_in(mail: Mail) -> str:
    text, _ = outbox.body(mail)
    return "/new-email/" + text.partition("/new-email/")[2].split()[0]


def ask(fresh: Client, email: str = NEW, username: str = "alice") -> Any:
    return fresh.post(ACCOUNT, {"username": username, "email": email})


@pytest.mark.parametrize("theme", ["", "light", "dark"])
def test_pages_have_the_colours_that_a_person_chose(
    as_alice: Client, acme: Team, theme: str
) -> None:
    as_alice.post(PROFILE, {"theme": theme, "time_zone": "UTC"})
    page = as_alice.get("/t/acme/keys/").content.decode()
    assert (f'data-theme="{theme}"' in page) is bool(theme)
    assert ("data-theme" in page) is bool(theme)


@pytest.mark.parametrize(
    "data",
    [
        {"theme": "pink", "time_zone": "UTC"},
        {"theme": "dark", "time_zone": "Mars/Base"},
        {"theme": "dark", "time_zone": "../../etc/passwd"},
        {"theme": "dark"},
        {"theme": "dark", "time_zone": "UTC", "is_operator": "on"},
    ],
)
def test_looks_that_are_not_offered_are_refused(
    as_alice: Client, alice: User, data: dict[str, str]
) -> None:
    assert as_alice.post(PROFILE, data).status_code == 422
    alice.refresh_from_db()
    assert (alice.theme, alice.time_zone) == ("", "UTC")


def test_times_stand_in_the_persons_zone_and_in_nobody_elses(
    as_alice: Client, as_eddie: Client, acme: Team
) -> None:
    key, _ = factories.key(acme, "crm")
    ApiKey.objects.update(expires_at=datetime(2030, 1, 15, 23, 30, tzinfo=UTC))
    as_alice.post(PROFILE, {"theme": "", "time_zone": "Asia/Tokyo"})
    page = f"/t/acme/keys/{key.id}/"
    assert "16 January 2030, 08:30 JST" in as_alice.get(page).content.decode()
    assert "15 January 2030, 23:30 UTC" in as_eddie.get(page).content.decode()
    assert timezone.get_current_timezone_name() == "UTC"


def test_the_audit_trail_stands_under_the_days_of_the_reader(
    as_alice: Client, acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = datetime(2030, 1, 15, 23, 30, tzinfo=UTC)
    with monkeypatch.context() as patch:
        patch.setattr(timezone, "now", lambda: late)
        factories.key(acme, "late")
    as_alice.post(PROFILE, {"theme": "", "time_zone": "Asia/Tokyo"})
    body = as_alice.get("/t/acme/audit/").content.decode()
    assert "Wednesday, 16 January 2030" in body
    assert "15 January 2030" not in body
    assert ">08:30</time>" in body


def test_a_zone_that_this_machine_lacks_shows_utc(as_alice: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(time_zone="Gone/Away")
    assert as_alice.get(PROFILE).status_code == 200


def test_a_username_changes_and_logs_in(fresh: Client, alice: User, acme: Team) -> None:
    answer = ask(fresh, alice.email, "alice.w")
    assert answer["Location"] == PROFILE
    alice.refresh_from_db()
    assert alice.username == "alice.w"
    event = AuditEvent.objects.get(action="user.rename")
    assert (event.before, event.target_name) == ({"username": "alice"}, "alice.w")
    entered = {"login": "alice.w", "password": factories.PASSWORD}
    assert Client().post("/login/", entered).status_code == 302


@pytest.mark.parametrize("username", ["eddie", "EDDIE", "a b", "a@b", "", "x" * 65, "nul\0"])
def test_a_username_that_cannot_be_is_refused(
    fresh: Client, alice: User, eddie: User, username: str
) -> None:
    answer = ask(fresh, alice.email, username)
    assert answer.status_code == 422
    alice.refresh_from_db()
    assert alice.username == "alice"


def test_a_stale_login_changes_nothing(as_alice: Client, alice: User) -> None:
    stale = factories.client(alice)
    answer = stale.post(ACCOUNT, {"username": "other", "email": NEW})
    assert answer["Location"].startswith("/reauthenticate/")
    assert not User.objects.filter(username="other").exists()


@pytest.mark.usefixtures("mailing")
def test_an_address_counts_once_its_link_was_used(fresh: Client, alice: User, acme: Team) -> None:
    old = alice.email
    assert ask(fresh)["Location"] == PROFILE
    mail = Mail.objects.get(kind="email_change")
    assert mail.recipient == NEW
    alice.refresh_from_db()
    assert (alice.email, alice.new_email) == (old, NEW)
    assert "Not confirmed yet" in fresh.get(PROFILE).content.decode()
    reset = password_resets.new_link("alice", factories.TESTER)
    elsewhere, scanner = Client(), Client()
    for browser in (scanner, elsewhere):
        page = browser.get(link_in(mail), follow=True).content.decode()
        assert "Confirm address" in page
    alice.refresh_from_db()
    assert alice.email == old  # looking uses nothing up
    elsewhere.post("/new-email/", {})
    alice.refresh_from_db()
    assert (alice.email, alice.new_email) == (NEW, "")
    assert alice.email_verified_at is not None
    assert Mail.objects.get(kind="email_changed").recipient == old
    assert scanner.post("/new-email/", {}).status_code == 410
    assert Client().get(reset.partition("http://testserver")[2] or reset).status_code in (404, 410)
    token = link_in(mail).split("/")[2]
    assert token not in factories.dump()


@pytest.mark.usefixtures("mailing")
def test_an_address_of_another_account_is_told_to_its_reader_alone(
    fresh: Client, alice: User, eddie: User
) -> None:
    asked = ask(fresh, eddie.email.upper())
    assert asked["Location"] == PROFILE
    browser = Client()
    browser.get(link_in(Mail.objects.get(kind="email_change")))
    answer = browser.post("/new-email/", {})
    assert answer.status_code == 422
    assert "This address has an account." in answer.content.decode()
    alice.refresh_from_db()
    assert alice.email != eddie.email


@pytest.mark.usefixtures("mailing")
def test_links_are_few_and_the_last_one_counts(fresh: Client, alice: User) -> None:
    for n in range(5):
        assert ask(fresh, f"alice{n}@new.example").status_code == 302
    assert ask(fresh).status_code == 429
    first, last = (Mail.objects.get(recipient=f"alice{n}@new.example") for n in (0, 4))
    assert Client().get(link_in(first)).status_code == 410
    assert Client().get(link_in(last)).status_code == 302


@pytest.mark.usefixtures("mailing")
def test_a_new_password_and_an_hour_end_the_link(fresh: Client, alice: User) -> None:
    ask(fresh)
    link = link_in(Mail.objects.get(kind="email_change"))
    LinkToken.objects.update(expires_at=timezone.now())
    assert Client().get(link).status_code == 410
    LinkToken.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    browser = Client()
    browser.get(link)
    fields = {"current": factories.PASSWORD, "password": "seven quiet lanterns at dusk"}
    assert fresh.post("/profile/password/", fields).status_code == 302
    assert browser.post("/new-email/", {}).status_code == 410


@pytest.mark.usefixtures("mailing")
@pytest.mark.parametrize(
    "email", ["", "nobody", "a@b.example, c@d.example", "a\0@b.example", "x" * 250 + "@b.example"]
)
def test_what_is_no_address_is_refused(fresh: Client, alice: User, email: str) -> None:
    assert ask(fresh, email).status_code == 422
    assert not Mail.objects.exists()


def test_without_a_mail_server_no_address_changes(fresh: Client, alice: User) -> None:
    answer = ask(fresh, username="alice.w")
    assert answer.status_code == 422
    assert "Flowlatch sends no mail here" in answer.content.decode()
    alice.refresh_from_db()
    assert (alice.username, alice.new_email) == ("alice", "")  # nothing half-done


def test_one_sees_what_one_did_and_not_what_others_did(
    as_alice: Client, as_eddie: Client, acme: Team
) -> None:
    send(as_alice, "/t/acme/settings/", {"name": "Acme Works"})
    assert "You renamed the team to" in as_alice.get(PROFILE).content.decode()
    assert "What you did lately" not in as_eddie.get(PROFILE).content.decode()
