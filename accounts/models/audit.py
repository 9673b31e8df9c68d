"""The audit trail: who changed what, chained row by row."""

from django.db import models


class AuditEvent(models.Model):
    """One change. Rows have no foreign keys: they outlive the team and everything they name."""

    team_id = models.UUIDField(db_index=True)
    sequence = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    action = models.CharField(max_length=60)
    actor_kind = models.CharField(max_length=10)
    actor_id = models.CharField(max_length=40)
    actor_name = models.CharField(max_length=254)
    address = models.CharField(max_length=45, blank=True)
    request_id = models.CharField(max_length=20, blank=True, default="")
    target_kind = models.CharField(max_length=30)
    target_id = models.CharField(max_length=40)
    target_name = models.CharField(max_length=254)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    key_version = models.PositiveIntegerField()
    previous_mac = models.CharField(max_length=64)
    mac = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team_id", "sequence"], name="audit_sequence_once")
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.action}"


class AuditHead(models.Model):
    """The end of a team's chain, locked last in a transaction."""

    team_id = models.UUIDField(primary_key=True)
    sequence = models.PositiveBigIntegerField()
    mac = models.CharField(max_length=64)
    key_version = models.PositiveIntegerField(null=True)  # of the last entry, since it is noted

    def __str__(self) -> str:
        return f"head {self.sequence}"
