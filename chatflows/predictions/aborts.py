"""Aborts: written for the other processes, swept as new ones come."""

from datetime import timedelta
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now

from accounts.outages import Unavailable
from chatflows.models import Abort

KEPT = timedelta(minutes=1)  # each process asks every second


@transaction.atomic
def note(thread_id: UUID) -> None:
    """Note that the answers of a conversation that run now are to end."""
    Abort.objects.filter(at__lt=Now() - KEPT).delete()
    Abort.objects.update_or_create(thread_id=thread_id, defaults={"at": Now()})


class StoredAborts:
    """AbortNotes (chatflows/predictions/running.py) on the database."""

    async def note(self, thread_id: UUID) -> None:
        """See AbortNotes."""
        await sync_to_async(_guarded_note)(thread_id)


def _guarded_note(thread_id: UUID) -> None:
    try:
        note(thread_id)
    except DatabaseError as error:
        connection.close()  # the next try opens another
        raise Unavailable(type(error).__name__) from error
