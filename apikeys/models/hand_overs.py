"""Hand-overs: links that carry the right to issue a key's text once, to whoever opens them."""

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Team, TeamOwned, TeamQuerySet
from accounts.permissions import Actor
from apikeys.models.keys import ApiKey

MOST_WRONG = 5  # passphrases


class HandOverQuerySet(TeamQuerySet["HandOver"]):
    """Hand-overs by whether somebody can still take the text."""

    def waiting(self, now: datetime) -> "HandOverQuerySet":
        """Neither taken nor ended nor over."""
        return self.filter(
            taken_at=None, ended_at=None, ends_at__gt=now, wrong_passphrases__lt=MOST_WRONG
        )


class HandOver(TeamOwned):
    """A link for the person who will hold a key. The text does not exist until it is taken."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="hand_overs")
    digest = models.CharField(max_length=64, unique=True)  # of the link's token
    passphrase = models.CharField(max_length=200, blank=True)  # its hash; empty: none is asked for
    wrong_passphrases = models.PositiveSmallIntegerField(default=0)
    # Who made it, as an Actor: the text comes into being by this person's right.
    made_by_kind = models.CharField(max_length=10)
    made_by_id = models.CharField(max_length=80)
    made_by_name = models.CharField(max_length=150)
    made_at = models.DateTimeField(auto_now_add=True)
    ends_at = models.DateTimeField()
    holder = models.CharField(max_length=64, blank=True)  # for whom it is meant, as its maker says
    overlap = models.DurationField(default=timedelta)  # begins when the text is taken
    when_silent = models.BooleanField(default=False)
    moves_end = models.BooleanField(default=False)  # the key lives on as long as it was to
    ended_at = models.DateTimeField(null=True, blank=True)
    taken_at = models.DateTimeField(null=True, blank=True)
    taken_from = models.CharField(max_length=45, blank=True)
    public_id = models.CharField(max_length=12, blank=True)  # of the text that was taken

    objects = HandOverQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key"],
                condition=Q(taken_at=None, ended_at=None),
                name="hand_over_open_once",
            )
        ]

    def __str__(self) -> str:
        return f"hand-over of {self.key}"

    @property
    def maker(self) -> Actor:
        """Who made it."""
        kind: Any = self.made_by_kind
        return Actor(kind, self.made_by_id, self.made_by_name)

    @property
    def state(self) -> str:
        """waiting, taken or ended."""
        if self.taken_at is not None:
            return "taken"
        is_over = self.ended_at is not None or self.ends_at <= timezone.now()
        return "ended" if is_over or self.wrong_passphrases >= MOST_WRONG else "waiting"

    @property
    def is_waiting(self) -> bool:
        """Whether somebody can still take the text."""
        return self.state == "waiting"
