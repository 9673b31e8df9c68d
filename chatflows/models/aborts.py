"""Aborts: notes that a caller stopped its answer, for whichever process is sending it."""

from django.db import models


class Abort(models.Model):
    """A conversation whose running answer is to end. The note is kept for a minute.

    `thread_id` stands for chatflow, caller and chatId (chatflows/predictions/prediction.py). `at`
    is the database's own time, so that the clocks of two machines are never compared.
    """

    thread_id = models.UUIDField(primary_key=True, editable=False)
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.thread_id)
