"""Service accounts: the machines of a team, which hold keys and never log in."""

import uuid

from django.conf import settings
from django.db import models

from accounts.models.names import Named
from accounts.models.teams import Team, TeamOwned, TeamQuerySet


class Environment(models.TextChoices):
    """Where a machine runs."""

    DEVELOPMENT = "development", "Development"
    STAGING = "staging", "Staging"
    PRODUCTION = "production", "Production"


class ServiceAccountQuerySet(TeamQuerySet["ServiceAccount"]):
    """Service accounts by state."""

    def kept(self) -> "ServiceAccountQuerySet":
        """Accounts that are not deleted."""
        return self.filter(deleted_at=None)


class ServiceAccount(Named, TeamOwned):
    """A machine identity of a team. While it is disabled or deleted, all its keys are refused."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="service_accounts")
    name = models.CharField(max_length=64)
    environment = models.CharField(max_length=12, choices=Environment.choices)
    description = models.CharField(max_length=300, blank=True)
    # Whom to ask about it: a person, who may leave the team.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ServiceAccountQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "name_key"],
                condition=models.Q(deleted_at=None),
                name="service_account_name_once",
                violation_error_message="The team has a service account of this name.",
            ),
            models.CheckConstraint(
                condition=models.Q(environment__in=Environment.values),
                name="service_account_environment_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_usable(self) -> bool:
        """Whether its keys can open anything."""
        return self.disabled_at is None and self.deleted_at is None

    @property
    def lives_in(self) -> Environment:
        """Where the machine runs, for pages."""
        return Environment(self.environment)
