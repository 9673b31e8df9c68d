"""Ring keys: the key-ring versions that the database was written with, and who knows which."""

from django.db import models


class RingKey(models.Model):
    """The fingerprint of one key of the ring, so that a wrong ring is noticed at the start."""

    purpose = models.CharField(max_length=20)
    version = models.PositiveIntegerField()
    fingerprint = models.CharField(max_length=16)
    used_at = models.DateTimeField(null=True)  # when it came into use; empty for the first one

    class Meta:
        constraints = [models.UniqueConstraint(fields=["purpose", "version"], name="ring_key_once")]

    def __str__(self) -> str:
        return f"{self.purpose} {self.version}"


class RingProcess(models.Model):
    """What a running process holds of the key ring, as it said last."""

    name = models.CharField(max_length=80, primary_key=True)  # machine, process id, random part
    kind = models.CharField(max_length=10)  # web or worker
    knows = models.JSONField()  # the fingerprints of all keys
    uses = models.JSONField()  # purpose -> version
    seen_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
