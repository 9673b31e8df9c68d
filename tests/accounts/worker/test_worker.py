"""The worker: one process works at a time, another takes over, and nothing holds up an end."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from accounts.mail import outbox
from accounts.models import Lease, LinkPurpose, LinkToken, Mail, Session
from accounts.models.mail_kinds import KINDS
from accounts.worker import cleanup, leases, worker
from accounts.worker.worker import Job, Worker

pytestmark = pytest.mark.django_db

NOW = timezone.now()
SOON = timedelta(milliseconds=1)
HALF_A_MINUTE = timedelta(seconds=30)
PATIENCE = 10  # seconds


def take(holder: str, seconds_later: float = 0) -> bool:
    return leases.take("worker", holder, HALF_A_MINUTE, NOW + timedelta(seconds=seconds_later))


def test_one_holder_has_the_lease_and_renews_it() -> None:
    assert take("one")
    assert not take("two")
    assert take("one", 20)
    assert not take("two", 40)


def test_a_dead_holders_lease_runs_out() -> None:
    assert take("one")
    assert not take("two", 29)
    assert take("two", 30)
    assert not take("one", 31)


def test_a_lease_that_is_given_back_is_free_at_once() -> None:
    assert take("one")
    leases.give_back("worker", "two")
    assert not take("two")
    leases.give_back("worker", "one")
    assert take("two")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("has_run_out", [False, True])
def test_of_many_who_take_at_once_one_gets_it(has_run_out: bool) -> None:
    if has_run_out:
        Lease.objects.create(name="worker", holder="dead", expires_at=NOW - SOON)
    ready, got = threading.Barrier(8), []

    def race(holder: str) -> None:
        ready.wait()
        try:
            got.append(take(holder))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=race, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Worker]]:
    """Workers that look often; all of them end with the test."""
    monkeypatch.setattr(worker, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(worker, "RENEW_EVERY", 0.01)
    started: list[Worker] = []
    yield started
    for each in started:
        each.stop()


@pytest.mark.django_db(transaction=True)
def test_the_holder_works_and_another_takes_over_when_it_stops(quick: list[Worker]) -> None:
    ran: list[str] = []
    done = {name: threading.Event() for name in ("first", "second")}

    def job(name: str) -> Job:
        def run(_: threading.Event) -> None:
            ran.append(name)
            done[name].set()

        return Job("note", SOON, run)

    first, second = Worker([job("first")]), Worker([job("second")])
    quick.extend([first, second])
    first.start()
    assert done["first"].wait(PATIENCE)
    second.start()
    assert first.holds_lease
    assert not second.holds_lease
    assert set(ran) == {"first"}
    first.stop()
    assert done["second"].wait(PATIENCE)


@pytest.mark.django_db(transaction=True)
def test_a_job_that_fails_is_run_again_and_stops_no_other(quick: list[Worker]) -> None:
    failed, other = threading.Semaphore(0), threading.Event()

    def fail(_: threading.Event) -> None:
        failed.release()
        raise ValueError("secret")

    quick.append(Worker([Job("fails", SOON, fail), Job("other", SOON, lambda _: other.set())]))
    quick[0].start()
    assert failed.acquire(timeout=PATIENCE)
    assert failed.acquire(timeout=PATIENCE)
    assert other.wait(PATIENCE)


@pytest.mark.django_db(transaction=True)
def test_a_stop_asks_the_running_job_to_end_and_frees_the_lease(quick: list[Worker]) -> None:
    begun, ended = threading.Event(), threading.Event()

    def run(stopping: threading.Event) -> None:
        begun.set()
        stopping.wait(PATIENCE)
        ended.set()

    quick.append(Worker([Job("long", SOON, run)]))
    quick[0].start()
    assert begun.wait(PATIENCE)
    quick[0].stop()
    assert ended.is_set()
    assert not Lease.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_stuck_job_holds_up_no_stop_and_keeps_the_lease(quick: list[Worker]) -> None:
    begun, go = threading.Event(), threading.Event()

    def stick(_: threading.Event) -> None:
        begun.set()
        go.wait(PATIENCE)

    stuck = Worker([Job("stuck", SOON, stick)])
    stuck.start()
    assert begun.wait(PATIENCE)
    started = time.monotonic()
    stuck.stop(within=0.05)
    assert time.monotonic() - started < 2
    assert Lease.objects.filter(holder=stuck.holder).exists()
    go.set()
    stuck.stop()


def test_the_shipped_jobs_are_registered_and_no_name_twice() -> None:
    assert {"mail", "leftovers", "resets"} <= {job.name for job in worker.jobs()}
    with pytest.raises(ValueError, match="mail"):
        worker.register(Job("mail", SOON, lambda _: None))


def queued(settings: Any, **changes: Any) -> Mail:
    settings.MAIL_SERVER = {"EMAIL_HOST": "mail.invalid"}
    mail = outbox.queue("password_reset", "eve@example.com", KINDS["password_reset"].sample)
    assert mail is not None
    Mail.objects.filter(pk=mail.pk).update(**changes)
    return mail


def test_old_rows_are_deleted_and_young_ones_stay(settings: Any) -> None:
    now = timezone.now()
    for days in (29, 31):
        then = now - timedelta(days=days)
        queued(settings, next_try_at=None, ciphertext=None, sent_at=then, subject=f"{days}")
        queued(settings, next_try_at=None, ciphertext=None, failed_at=then, subject=f"{days}")
        LinkToken.objects.create(purpose=LinkPurpose.SET_UP, digest=f"{days}", expires_at=then)
    queued(settings, subject="waits")
    for name, hours in (("ended", -1), ("live", 1)):
        Session.objects.create(session_key=name, expire_date=now + timedelta(hours=hours))
    cleanup.delete(threading.Event())
    assert sorted(Mail.objects.values_list("subject", flat=True)) == ["29", "29", "waits"]
    assert [token.digest for token in LinkToken.objects.all()] == ["29"]
    assert [session.session_key for session in Session.objects.all()] == ["live"]


def test_more_leftovers_than_one_batch_all_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup, "BATCH", 2)
    for n in range(5):
        Session.objects.create(session_key=f"{n}", expire_date=NOW - timedelta(hours=1))
    cleanup.delete(threading.Event())
    assert not Session.objects.exists()


def test_a_mail_that_nobody_sends_is_given_up_with_its_link(settings: Any) -> None:
    then = timezone.now() - timedelta(hours=2)
    mail = queued(settings, next_try_at=then, give_up_at=then)
    cleanup.delete(threading.Event())
    mail.refresh_from_db()
    assert mail.status == "failed"
    assert mail.ciphertext is None
