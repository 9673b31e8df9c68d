"""Without a worker the log, the Mail page and the operator's pages say so, and since when."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from structlog.testing import capture_logs

from accounts.health import queues
from accounts.models import Lease, Mail, Team, User
from accounts.worker import leases, status
from accounts.worker.watch import Watch
from accounts.worker.worker import LEASE, LEASE_LIFETIME
from tests import factories

pytestmark = pytest.mark.django_db


def renewed(before: timedelta) -> None:
    """As if a worker had renewed its lease so long ago."""
    ends = timezone.now() - before + LEASE_LIFETIME
    Lease.objects.update_or_create(name=LEASE, defaults={"holder": "one", "expires_at": ends})


def test_a_worker_is_gone_a_minute_after_its_last_renewal() -> None:
    assert status.look() == (None, True)
    renewed(timedelta(seconds=59))
    assert not status.look().is_gone
    renewed(timedelta(seconds=61))
    assert status.look().is_gone


def test_a_worker_that_ended_leaves_the_time_of_its_end() -> None:
    begin = timezone.now()
    assert leases.take(LEASE, "one", LEASE_LIFETIME, begin)
    leases.give_back(LEASE, "one", is_noted=True)
    found = status.look()
    assert not found.is_gone
    assert found.renewed_at is not None
    assert begin <= found.renewed_at <= timezone.now()
    assert leases.take(LEASE, "two", LEASE_LIFETIME, begin)


def test_the_log_says_it_once_and_when_the_worker_is_back() -> None:
    watch = Watch()
    with capture_logs() as logs:
        watch.look()
        watch.look()
    assert [(line["event"], line["since"]) for line in logs] == [("no worker", None)]
    renewed(timedelta())
    with capture_logs() as logs:
        watch.look()
        watch.look()
    assert [line["event"] for line in logs] == ["worker is back"]
    renewed(timedelta(minutes=5))
    with capture_logs() as logs:
        watch.look()
    assert logs[0]["since"] == status.look().renewed_at


def test_one_process_of_all_says_it() -> None:
    one, other = Watch(), Watch()
    with capture_logs() as logs:
        for watch in (one, other, one, other):
            watch.look()
    assert len(logs) == 1


def test_pages_say_that_no_worker_is_alive(
    acme: Team, alice: User, as_alice: Client, settings: Any
) -> None:
    settings.MAIL_SERVER = {"EMAIL_HOST": "mail.invalid", "EMAIL_PORT": 25}
    User.objects.filter(pk=alice.pk).update(is_operator=True)
    pages = [reverse("mail_list", args=["acme"]), reverse("operator_audit_list")]

    def shown() -> list[str]:
        return [as_alice.get(page).content.decode() for page in pages]

    assert all("No worker is alive." in page for page in shown())
    renewed(timedelta())
    assert not any("No worker" in page for page in shown())
    renewed(timedelta(minutes=5))
    assert all("No worker is alive since" in page for page in shown())


def test_queues_tell_what_waits_and_since_when(acme: Team) -> None:
    renewed(timedelta(seconds=10))
    gone: dict[str, Any] = {"next_try_at": None, "ciphertext": None}
    factories.mail(acme, failed_at=timezone.now(), **gone)
    factories.mail(acme, sent_at=timezone.now(), **gone)
    waiting = factories.mail(acme)
    Mail.objects.filter(pk=waiting.pk).update(created_at=timezone.now() - timedelta(hours=1))
    found = queues.look()
    assert (found.mails_waiting, found.mails_failed) == (1, 1)
    assert found.worker_age is not None
    assert found.worker_age >= 10
    assert found.oldest_mail_age is not None
    assert found.oldest_mail_age >= 3600
