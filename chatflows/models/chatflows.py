"""Chatflows and the keys selected for them."""

import uuid
from typing import Any

from django.db import models
from django.utils import timezone

from accounts.models import Limited, Team, TeamOwned, TeamQuerySet, limits_are_positive
from accounts.models.limited import LIMIT_COLUMNS, few_have_monthly_limits
from accounts.models.names import Named
from apikeys.models import ApiKey
from chatflows.engines import kinds
from chatflows.engines.kinds import Kind

COUNTED = 1000  # keys


class AccessMode(models.TextChoices):
    """Who may call a chatflow."""

    KEYS = "keys", "Keys"
    PUBLIC = "public", "Public"
    OFF = "off", "Off"


class ChatflowType(models.TextChoices):
    """Flowise's names for the types of flows."""

    CHATFLOW = "CHATFLOW", "CHATFLOW"
    AGENTFLOW = "AGENTFLOW", "AGENTFLOW"
    MULTIAGENT = "MULTIAGENT", "MULTIAGENT"
    ASSISTANT = "ASSISTANT", "ASSISTANT"


class ChatflowQuerySet(TeamQuerySet["Chatflow"]):
    """Queries for chatflows."""

    def with_usable_keys(self) -> "ChatflowQuerySet":
        """Annotate `usable_keys`, the number of keys that open the chatflow now.

        It counts to COUNTED and one more: a badge that says "many" needs no number.
        """
        usable = ApiKey.objects.usable(timezone.now()).order_by()
        selected = usable.filter(selections__chatflow=models.OuterRef("pk"))
        return self.annotate(usable_keys=_Counted(selected.values("pk")[: COUNTED + 1]))


class _Counted(models.Subquery):
    """The number of rows of a subquery."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = models.IntegerField()


class Chatflow(Named, Limited, TeamOwned):
    """One address, one engine that answers, and who may call."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="chatflows")
    name = models.CharField(max_length=80)
    type = models.CharField(
        max_length=10, choices=ChatflowType.choices, default=ChatflowType.CHATFLOW
    )
    access_mode = models.CharField(
        max_length=6, choices=AccessMode.choices, default=AccessMode.KEYS
    )
    allow_key_in_url = models.BooleanField(default=False)
    # Calls a minute of one address, for callers without a secret key.
    limit_address = models.PositiveIntegerField(null=True, blank=True)
    # What a million tokens cost, in nanos (see accounts/bounds.py). Budgets count with it.
    price = models.PositiveBigIntegerField(null=True, blank=True)
    keys = models.ManyToManyField(ApiKey, through="Selection", related_name="chatflows")
    # The name of a kind. It has no choices, so that a new kind needs no migration.
    engine = models.CharField(max_length=10, default=kinds.DEFAULT)
    fallback = models.TextField(max_length=2000, blank=True)
    # The engine's settings (see its config), without entries and secret.
    engine_config = models.JSONField(default=dict, blank=True)
    # Grows with every change of what the engine answers from, so that each process loads it anew.
    engine_version = models.PositiveIntegerField(default=1)
    # Grows with every change of the access. A form that carries an older version is refused.
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ChatflowQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "name_key"],
                name="chatflow_name_once",
                violation_error_message="The team has a chatflow of this name.",
            ),
            models.CheckConstraint(
                condition=models.Q(access_mode__in=AccessMode.values), name="chatflow_mode_known"
            ),
            limits_are_positive("chatflow_limits_positive", [*LIMIT_COLUMNS, "limit_address"]),
        ]
        indexes = few_have_monthly_limits("chatflow")

    def __str__(self) -> str:
        return self.name

    @property
    def kind(self) -> Kind[Any]:
        """The kind of the chatflow's engine."""
        return kinds.of(self.engine)


class Selection(models.Model):
    """A key that is selected for a chatflow of its team, which it opens in mode *keys*."""

    chatflow = models.ForeignKey(Chatflow, on_delete=models.CASCADE, related_name="selections")
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="selections")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chatflow", "key"], name="selection_once")]

    def __str__(self) -> str:
        return f"{self.key} opens {self.chatflow}"
