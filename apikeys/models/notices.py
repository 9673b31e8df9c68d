"""Notices: which mails about keys and limits have gone out, so that none goes twice."""

from django.db import models

from accounts.models import Team, TeamOwned, TeamQuerySet


class Notice(TeamOwned):
    """One notice about a key or a chatflow: its kind, and what made it due (a date, a month)."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    subject = models.UUIDField()  # of a key or a chatflow; it may be gone by now
    kind = models.CharField(max_length=20)
    about = models.CharField(max_length=40, blank=True)
    at = models.DateTimeField()

    objects = TeamQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "kind", "about"], name="notice_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.about}"
