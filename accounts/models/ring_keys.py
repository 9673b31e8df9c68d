"""Ring keys: which key-ring versions this database was written with."""

from django.db import models


class RingKey(models.Model):
    """The fingerprint of one key of the ring, so that a wrong ring is noticed at the start."""

    purpose = models.CharField(max_length=20)
    version = models.PositiveIntegerField()
    fingerprint = models.CharField(max_length=16)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["purpose", "version"], name="ring_key_once")]

    def __str__(self) -> str:
        return f"{self.purpose} {self.version}"
