"""Lock-outs: counters of failed attempts, by what was tried and from where."""

from django.db import models


class LockOut(models.Model):
    """The failures of one bucket. Its digest does not reveal the name that was typed."""

    digest = models.CharField(max_length=64, unique=True)
    failures = models.PositiveIntegerField()
    last_failed_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.failures} failures"
