"""Visits of the holder's page: for 15 minutes a browser stands for one secret of a key."""

from datetime import datetime

from django.db import models

from apikeys.models.keys import KeySecret


class KeyVisitQuerySet(models.QuerySet["KeyVisit"]):
    """Visits by whether they go on."""

    def alive(self, now: datetime) -> "KeyVisitQuerySet":
        """Return visits that have not ended."""
        return self.filter(ends_at__gt=now)


class KeyVisit(models.Model):
    """The digest of a cookie's random value, and the secret whose text opened the visit."""

    key_secret = models.ForeignKey(KeySecret, on_delete=models.CASCADE, related_name="visits")
    digest = models.CharField(max_length=64, unique=True)
    begun_at = models.DateTimeField(auto_now_add=True)
    ends_at = models.DateTimeField(db_index=True)
    address = models.CharField(max_length=45, blank=True)  # where the text came from

    objects = KeyVisitQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Visit of {self.key_secret}"
