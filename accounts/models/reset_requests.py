"""Reset requests: someone forgot a password. The worker answers by mail if the person exists."""

import uuid

from django.db import models


class ResetRequest(models.Model):
    """The typed name, encrypted: it can be anything, even a password."""

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
