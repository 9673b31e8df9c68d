"""Aborts: that a caller stopped its answer, for the processes that may be sending it."""

from django.db import models


class Abort(models.Model):
    """A conversation whose running answer is to end; kept for a minute.

    `thread_id` stands for chatflow, caller and chatId (chatflows/predictions/prediction.py). `at`
    is the database's own time, so that no two machines' clocks are compared.
    """

    thread_id = models.UUIDField(primary_key=True, editable=False)
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.thread_id)
