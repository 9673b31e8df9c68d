"""Queues: what waits for the worker, and when it worked last. For a thread: it reads the tables."""

from typing import NamedTuple

from django.db.models import Count, Min, Q
from django.utils import timezone

from accounts.models import Mail
from accounts.worker import status


class Queues(NamedTuple):
    """What waits; ages in seconds, None where there is nothing of that age."""

    worker_age: float | None  # since the worker's last round
    mails_waiting: int
    mails_failed: int  # of those that are still listed
    oldest_mail_age: float | None


def look() -> Queues:
    """Read the tables. Raises DatabaseError."""
    now, renewed_at = timezone.now(), status.look().renewed_at
    waiting = Q(next_try_at__isnull=False)
    mails = Mail.objects.aggregate(
        waiting=Count("pk", filter=waiting),
        failed=Count("pk", filter=Q(failed_at__isnull=False)),
        oldest=Min("created_at", filter=waiting),
    )
    ages = [
        None if at is None else max(0.0, (now - at).total_seconds())
        for at in (renewed_at, mails["oldest"])
    ]
    return Queues(ages[0], mails["waiting"], mails["failed"], ages[1])
