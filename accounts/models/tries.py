"""Tries to log in: counters of those that failed, and requests for another password."""

import uuid

from django.db import models


class LockOut(models.Model):
    """The failures of one bucket. Its digest does not reveal the name that was typed."""

    digest = models.CharField(max_length=64, unique=True)
    failures = models.PositiveIntegerField()
    last_failed_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.failures} failures"


class ResetRequest(models.Model):
    """Someone forgot a password: the typed name, encrypted, since it can be anything.

    The worker answers by mail if the person exists.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    ciphertext = models.BinaryField()
    key_version = models.PositiveIntegerField()
    asked_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return "reset request"

    @property
    def place(self) -> tuple[str, ...]:
        """The place that the ciphertext is bound to: this row."""
        return ("reset_request", str(self.id))
