"""The pages of mail: admins see what could not be sent and why, and never what a mail says."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import include, path, reverse
from django.utils import timezone

from accounts.models import AuditEvent, Mail, Role, Team, User
from accounts.models.mail_kinds import KINDS
from accounts.urls import debug_urlpatterns
from accounts.views import mails as views
from config.urls import urlpatterns as shipped_urlpatterns
from tests import factories

pytestmark = pytest.mark.django_db

urlpatterns = [*shipped_urlpatterns, path("dev/", include(debug_urlpatterns))]
GONE: dict[str, Any] = {"next_try_at": None, "ciphertext": None}
REFUSED = "The mail server refuses this address (550 No such user)."


@pytest.fixture(autouse=True)
def _with_a_mail_server(settings: Any) -> None:
    settings.MAIL_SERVER = {"EMAIL_HOST": "mail.invalid", "EMAIL_PORT": 25}


@pytest.fixture
def as_operator(alice: User) -> Client:
    User.objects.filter(pk=alice.pk).update(is_operator=True)
    return factories.client(alice)


def listed(browser: Client, query: str = "") -> str:
    response = browser.get(reverse("mail_list", args=["acme"]) + query)
    assert response.status_code == 200
    return response.content.decode()


def test_admins_see_what_failed_in_plain_words_and_what_to_do(acme: Team, adam: User) -> None:
    factories.mail(acme, "gone@example.com", failed_at=timezone.now(), last_error=REFUSED, **GONE)
    page = listed(factories.client(adam))
    assert "1 mail could not be sent" in page
    assert "gone@example.com" in page
    assert REFUSED in page
    assert "Resend the invitation from the Members page" in page
    assert "Try again" not in page


def test_a_page_without_trouble_has_no_notice(acme: Team, as_alice: Client) -> None:
    assert "No mail yet" in listed(as_alice)
    factories.mail(acme, sent_at=timezone.now(), **GONE)
    page = listed(as_alice)
    assert "Sent" in page
    assert "could not be sent" not in page
    assert "No mail in trouble" in listed(as_alice, "?show=trouble")


def test_without_a_mail_server_the_page_says_so(as_alice: Client, settings: Any) -> None:
    settings.MAIL_SERVER = {}
    assert "Flowlatch sends no mail" in listed(as_alice)


def test_no_page_shows_a_mails_text(acme: Team, as_alice: Client) -> None:
    factories.mail(acme, last_error="Later.")
    assert str(KINDS["invitation"].sample["link"]) not in listed(as_alice)


def test_a_team_sees_its_own_mails_alone(
    acme: Team, globex: Team, as_alice: Client, as_mallory: Client
) -> None:
    theirs = factories.mail(globex, "hank@example.com", last_error="Later.")
    factories.mail(None, "reset@example.com")
    page = listed(as_alice)
    assert "hank@example.com" not in page
    assert "reset@example.com" not in page
    for team in ("acme", "globex"):
        url = reverse("mail_retry", args=[team, theirs.id])
        assert as_alice.post(url).status_code == 404
    assert as_mallory.get(reverse("mail_list", args=["acme"])).status_code == 404


def test_editors_and_viewers_see_no_mail(as_eddie: Client, as_vera: Client) -> None:
    for browser in (as_eddie, as_vera):
        assert browser.get(reverse("mail_list", args=["acme"])).status_code == 403
        assert "/mail/" not in browser.get(reverse("chatflow_list", args=["acme"])).content.decode()


def test_try_again_makes_a_waiting_mail_due_and_is_audited(acme: Team, as_alice: Client) -> None:
    later = timezone.now() + timedelta(hours=1)
    mail = factories.mail(acme, last_error="Later.", next_try_at=later)
    assert "Try again" in listed(as_alice)
    response = as_alice.post(reverse("mail_retry", args=["acme", mail.id]), follow=True)
    assert "tried again in seconds" in response.content.decode()
    assert Mail.objects.due(timezone.now()).get() == mail
    event = AuditEvent.objects.filter(team_id=acme.id).latest("sequence")
    assert (event.action, event.actor_name) == ("mail.retry", "alice")
    assert event.target_name == "Invitation, eve@example.com"


@pytest.mark.parametrize("state", ["being sent", "sent", "failed"])
def test_what_does_not_wait_is_not_tried_again(acme: Team, as_alice: Client, state: str) -> None:
    now = timezone.now()
    changes: dict[str, dict[str, Any]] = {
        "being sent": {"attempts": 1, "next_try_at": now + timedelta(minutes=2)},
        "sent": {**GONE, "sent_at": now},
        "failed": {**GONE, "failed_at": now, "last_error": REFUSED},
    }
    mail = factories.mail(acme, **changes[state])
    before = AuditEvent.objects.count()
    response = as_alice.post(reverse("mail_retry", args=["acme", mail.id]), follow=True)
    assert "not waiting any more" in response.content.decode()
    assert not Mail.objects.due(now).exists()
    assert AuditEvent.objects.count() == before


def test_operators_see_the_mails_of_no_team_and_nobody_else_does(
    acme: Team, adam: User, as_operator: Client
) -> None:
    mail = factories.mail(None, "reset@example.com", last_error="Later.")
    factories.mail(acme, "team@example.com")
    page = as_operator.get(reverse("operator_mail_list")).content.decode()
    assert "reset@example.com" in page
    assert "team@example.com" not in page
    retry = reverse("operator_mail_retry", args=[mail.id])
    assert as_operator.post(retry).status_code == 302
    as_adam = factories.client(adam)
    assert as_adam.get(reverse("operator_mail_list")).status_code == 404
    assert as_adam.post(retry).status_code == 404
    assert as_adam.post(reverse("operator_mail_test")).status_code == 404


def test_an_operator_sends_a_test_mail_to_the_own_address(as_operator: Client) -> None:
    page = as_operator.post(reverse("operator_mail_test"), follow=True).content.decode()
    assert "A test mail to alice@example.com waits" in page
    assert Mail.objects.get().recipient == "alice@example.com"


def test_a_test_mail_without_a_server_is_not_claimed_to_be_sent(
    as_operator: Client, settings: Any
) -> None:
    settings.MAIL_SERVER = {}
    page = as_operator.post(reverse("operator_mail_test"), follow=True).content.decode()
    assert "no mail was sent" in page
    assert not Mail.objects.exists()


def test_every_kind_can_be_looked_at_while_one_works_on_the_code(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    browser = Client()
    page = browser.get("/dev/mails/").content.decode()
    for kind in KINDS:
        assert f'href="{kind}.html"' in page
        html = browser.get(f"/dev/mails/{kind}.html")
        assert "<!doctype html>" in html.content.decode()
        policy = html["Content-Security-Policy"]
        assert "style-src 'unsafe-inline'" in policy
        assert "default-src 'none'" in policy
        text = browser.get(f"/dev/mails/{kind}.txt")
        assert text["Content-Type"].startswith("text/plain")
    assert browser.get("/dev/mails/nothing.html").status_code == 404


def test_samples_are_there_with_debug_alone() -> None:
    assert Client().get("/dev/mails/").status_code == 404
    assert views.mail_samples.policy.open_because  # type: ignore[attr-defined]


def test_the_menu_leads_an_admin_to_mail(acme: Team) -> None:
    browser = factories.client(factories.user("amy"))
    factories.join(acme, User.objects.get(username="amy"), Role.ADMIN)
    assert "/t/acme/mail/" in browser.get(reverse("chatflow_list", args=["acme"])).content.decode()
