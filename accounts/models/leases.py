"""Leases: the right of one process to do a task that no two should do at once."""

from django.db import models


class Lease(models.Model):
    """A process holds a lease while it renews it. If the process dies, the lease runs out."""

    name = models.CharField(max_length=40, primary_key=True)
    holder = models.CharField(max_length=80)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"lease {self.name}"
