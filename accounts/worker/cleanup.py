"""Clean-up: delete rows that nobody needs any more. The worker calls it."""

from datetime import datetime, timedelta
from threading import Event
from typing import Any

import structlog
from django.db import models
from django.utils import timezone

from accounts.limits import lock_outs
from accounts.models import LinkToken, Mail, Session, StoredAnswer

log = structlog.get_logger("flowlatch.leftovers")

KEEP_MAILS = timedelta(days=30)
KEEP_LINKS = timedelta(days=30)  # after their end: a page can still say that a link has expired
KEEP_ANSWERS = timedelta(hours=24)  # of creations with an Idempotency-Key
GIVE_UP_LATE = timedelta(hours=1)
BATCH = 500  # rows of one statement: nobody waits long for its lock


def delete(stopping: Event) -> None:
    """Give up mails that nobody sends, and delete old mails, dead links and ended sessions."""
    now = timezone.now()
    _give_up(now)
    for rows in _leftovers(now):
        delete_rows(rows, stopping)
    lock_outs.forget_old()


def delete_rows(rows: "models.QuerySet[Any]", stopping: Event) -> None:
    """Delete rows a few at a time until none is left or the worker stops."""
    count = 0
    while not stopping.is_set() and (deleted := _delete_some(rows)):
        count += deleted
    if count:
        log.info("leftovers deleted", rows=rows.model.__name__, count=count)


def _give_up(now: datetime) -> None:
    # No mail server is set any more, or no worker ran: links don't lie here for ever.
    late = Mail.objects.filter(next_try_at__lte=now, give_up_at__lte=now - GIVE_UP_LATE)
    late.update(
        failed_at=now, next_try_at=None, ciphertext=None, last_error="It was not sent in time."
    )


def _leftovers(now: datetime) -> list["models.QuerySet[models.Model]"]:
    before = now - KEEP_MAILS
    return [
        Mail.objects.filter(models.Q(sent_at__lt=before) | models.Q(failed_at__lt=before)),
        LinkToken.objects.filter(expires_at__lt=now - KEEP_LINKS),
        Session.objects.filter(expire_date__lt=now),
        StoredAnswer.objects.filter(created_at__lt=now - KEEP_ANSWERS),
    ]


def _delete_some(rows: "models.QuerySet[Any]") -> int:
    some = list(rows.values_list("pk", flat=True)[:BATCH])
    count, _ = rows.filter(pk__in=some).delete()
    return count
