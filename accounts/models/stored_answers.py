"""Stored answers: what a creation with an `Idempotency-Key` answered, without any secret."""

from django.db import models

from accounts.models.teams import Team, TeamOwned, TeamQuerySet


class StoredAnswer(TeamOwned):
    """The answer to one creation. `credential` is the key that asked; it holds no foreign key."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    credential = models.UUIDField()
    route = models.CharField(max_length=120)
    digest = models.CharField(max_length=64)  # of the Idempotency-Key
    body_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.JSONField(default=dict)
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = TeamQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["credential", "route", "digest"], name="stored_answer_once"
            )
        ]

    def __str__(self) -> str:
        return f"answer of {self.route}"
