"""Leak candidates: what was reported and is not looked at yet."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone

LONGEST_PAUSE = timedelta(hours=1)  # between two looks


class LeakCandidateQuerySet(models.QuerySet["LeakCandidate"]):
    """Candidates by when they are looked at."""

    def due(self, now: datetime) -> "LeakCandidateQuerySet":
        """What to look at now. Nothing waits for a clock that ran back."""
        is_ahead = Q(failed=0) | Q(next_at__gt=now + LONGEST_PAUSE)
        return self.filter(Q(next_at__lte=now) | is_ahead)


class LeakCandidate(models.Model):
    """A text that can be a key, as its id and digests. The row goes once it was looked at.

    It has no team: which team's key it is, if any, is found out then.
    """

    public_id = models.CharField(max_length=12)
    digests = models.JSONField()  # pairs of a pepper's version and the digest under it
    source = models.CharField(max_length=500, blank=True)  # where it was found, as reported
    network = models.CharField(max_length=45, blank=True)  # of the reporter
    reported_at = models.DateTimeField(auto_now_add=True)
    failed = models.PositiveSmallIntegerField(default=0)  # looks at it that failed
    next_at = models.DateTimeField(default=timezone.now)  # the next look

    objects = LeakCandidateQuerySet.as_manager()

    def __str__(self) -> str:
        return f"report of {self.public_id[:4]}…"
