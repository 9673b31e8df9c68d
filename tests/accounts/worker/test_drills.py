"""A drill's copy: no worker takes the lease, and every page says what it is."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client
from structlog.testing import capture_logs

from accounts.models import Lease, Team
from accounts.worker import drills
from accounts.worker.worker import Worker

pytestmark = pytest.mark.django_db
NOTICE = "This is a copy, restored for a drill."


@pytest.fixture
def drill() -> Iterator[None]:
    with connection.cursor() as cursor:
        for statement in drills.BEGIN:
            cursor.execute(statement)
    yield
    drills.end()
    assert not drills.stands()


def test_no_worker_runs_in_a_drill(drill: None) -> None:
    worker = Worker([])
    with capture_logs() as said:
        for _ in range(2):
            worker._take_lease()
    assert not worker.holds_lease
    assert Lease.objects.get().name == drills.MARK
    assert [(each["event"], each["log_level"]) for each in said] == [
        ("worker holds still", "warning")
    ]
    assert drills.end()
    worker._take_lease()
    assert worker.holds_lease


def test_a_mark_is_made_once(drill: None) -> None:
    with connection.cursor() as cursor:
        for statement in drills.BEGIN:
            cursor.execute(statement)
    assert Lease.objects.count() == 1


def test_pages_say_that_they_are_a_drills(drill: None, acme: Team, as_alice: Client) -> None:
    page = f"/t/{acme.slug}/members/"
    assert NOTICE not in as_alice.get(page).content.decode()
    assert drills.stands()
    assert NOTICE in as_alice.get(page).content.decode()
