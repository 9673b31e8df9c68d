"""Aborts: notes for the other processes that a caller stopped its answer."""

from datetime import timedelta
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now

from accounts.outages import Unavailable
from chatflows.models import Abort

KEPT = timedelta(minutes=1)  # each process reads them every second


@transaction.atomic
def note(thread_id: UUID) -> None:
    """Note that a conversation's running answers are to end, and delete old notes."""
    Abort.objects.filter(at__lt=Now() - KEPT).delete()
    Abort.objects.update_or_create(thread_id=thread_id, defaults={"at": Now()})


class StoredAborts:
    """The AbortNotes (see running.py) in the database."""

    async def note(self, thread_id: UUID) -> None:
        """See AbortNotes."""
        await sync_to_async(_guarded_note)(thread_id)


def _guarded_note(thread_id: UUID) -> None:
    try:
        note(thread_id)
    except DatabaseError as error:
        connection.close()  # the next try opens another
        raise Unavailable(type(error).__name__) from error
