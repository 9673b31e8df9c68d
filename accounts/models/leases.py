"""Leases: which process does a thing that only one of them should do."""

from django.db import models


class Lease(models.Model):
    """A process holds it while it renews it; one that dies loses it when it runs out."""

    name = models.CharField(max_length=40, primary_key=True)
    holder = models.CharField(max_length=80)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"lease {self.name}"
