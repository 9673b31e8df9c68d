"""Usage: what the recorder adds up, by hour, by day and by month.

These tables are in no statement of the gate's facts: on PostgreSQL each batch would make every
process read its kept rows anew (migrations/0002_access_stamp.py).
"""

from django.db import models

from accounts.models import Team, TeamOwned, TeamQuerySet


class UsageHour(TeamOwned):
    """The calls of one hour with one secret on one chatflow. `public_id` is empty without a key."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    # No foreign keys, as in Call. A call to no chatflow of the team has the id zero.
    key_id = models.UUIDField(null=True)
    public_id = models.CharField(max_length=12, blank=True)
    chatflow_id = models.UUIDField()
    hour = models.DateTimeField()
    let_in = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)  # of those let in: the answer was an error
    refused = models.PositiveIntegerField(default=0)
    # Of those let in: asked by members on the Try it page.
    tried = models.PositiveIntegerField(default=0)
    tokens = models.PositiveBigIntegerField(default=0)
    cost = models.PositiveBigIntegerField(default=0)  # nanos
    last_at = models.DateTimeField(null=True)  # the last call that was let in
    last_address = models.CharField(max_length=45, blank=True)
    last_origin = models.CharField(max_length=200, blank=True)
    last_client = models.CharField(max_length=120, blank=True)

    objects = TeamQuerySet.as_manager()

    class Meta:
        constraints = [
            # In this order it is also the index by which a chatflow's hours are found.
            models.UniqueConstraint(
                fields=["team", "chatflow_id", "hour", "public_id"], name="usage_hour_once"
            )
        ]
        # No column of an index is ever written again, so only a new row costs anything.
        indexes = [
            models.Index(fields=["team", "key_id", "hour"], name="usage_hour_by_key"),
            models.Index(fields=["hour"], name="usage_hour_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} at {self.hour:%Y-%m-%d %H}"


class OriginDay(TeamOwned):
    """The calls of one day with one key from web pages of one origin."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+", db_index=False)
    key_id = models.UUIDField()
    origin = models.CharField(max_length=200)
    day = models.DateField()
    let_in = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()

    objects = TeamQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "key_id", "day", "origin"], name="origin_day_once"
            )
        ]
        indexes = [models.Index(fields=["day"], name="origin_day_by_age")]

    def __str__(self) -> str:
        return f"{self.origin} on {self.day}"


class PeriodCount(TeamOwned):
    """What a key or a chatflow took of its limits in a calendar day or month, UTC.

    `reserved_*` is of calls that run: an upper estimate, replaced at their end by what it was.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    subject = models.UUIDField()  # the id of a key or a chatflow
    period = models.CharField(max_length=10)  # 2026-11-27 or 2026-11
    calls = models.PositiveBigIntegerField(default=0)  # let in
    tokens = models.PositiveBigIntegerField(default=0)
    cost = models.PositiveBigIntegerField(default=0)  # nanos
    # Calls of a month for which its tokens or its budget left no room.
    refused_tokens = models.PositiveBigIntegerField(default=0)
    refused_cost = models.PositiveBigIntegerField(default=0)
    reserved_tokens = models.PositiveBigIntegerField(default=0)
    reserved_cost = models.PositiveBigIntegerField(default=0)

    objects = TeamQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "period"], name="period_count_once")
        ]
        indexes = [models.Index(fields=["period"], name="period_count_by_age")]

    def __str__(self) -> str:
        return f"{self.subject} in {self.period}"


class Reservation(TeamOwned):
    """What a running call may still take of a subject's tokens and budget."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    call = models.UUIDField()  # one call reserves of its key and of its chatflow
    subject = models.UUIDField()
    period = models.CharField(max_length=10)
    tokens = models.PositiveBigIntegerField()
    cost = models.PositiveBigIntegerField()  # nanos
    until = models.DateTimeField(db_index=True)  # then its process is gone, and it counts as taken

    objects = TeamQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["call", "subject"], name="reservation_once")]

    def __str__(self) -> str:
        return f"{self.call} of {self.subject}"
