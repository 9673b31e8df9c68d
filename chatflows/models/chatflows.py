"""Chatflows and the keys selected for them."""

import uuid
from typing import Any

from django.db import models
from django.utils import timezone

from accounts.models import Team, TeamOwned, TeamQuerySet
from accounts.models.names import Named
from apikeys.models import ApiKey
from chatflows.engines import kinds
from chatflows.engines.kinds import Kind


class AccessMode(models.TextChoices):
    """Who may call."""

    KEYS = "keys", "Keys"
    PUBLIC = "public", "Public"
    OFF = "off", "Off"


class ChatflowType(models.TextChoices):
    """Flowise's words for what a flow is."""

    CHATFLOW = "CHATFLOW", "CHATFLOW"
    AGENTFLOW = "AGENTFLOW", "AGENTFLOW"
    MULTIAGENT = "MULTIAGENT", "MULTIAGENT"
    ASSISTANT = "ASSISTANT", "ASSISTANT"


class ChatflowQuerySet(TeamQuerySet["Chatflow"]):
    """Chatflows with what pages show of them."""

    def with_usable_keys(self) -> "ChatflowQuerySet":
        """Annotate `usable_keys`: how many keys open it right now."""
        usable = ApiKey.objects.usable(timezone.now()).order_by()
        selected = usable.filter(selections__chatflow=models.OuterRef("pk"))
        count = selected.values("selections__chatflow").annotate(n=models.Count("pk")).values("n")
        empty = models.Value(0, output_field=models.IntegerField())
        return self.annotate(usable_keys=models.functions.Coalesce(models.Subquery(count), empty))


class Chatflow(Named, TeamOwned):
    """One address, one engine that answers, one rule for who may call."""

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
    keys = models.ManyToManyField(ApiKey, through="Selection", related_name="chatflows")
    # The name of a kind. No choices here: a further kind needs no migration.
    engine = models.CharField(max_length=10, default=kinds.DEFAULT)
    fallback = models.TextField(max_length=2000, blank=True)
    # What the engine needs beside entries and secret; its keys belong to the engine.
    engine_config = models.JSONField(default=dict, blank=True)
    # Grows with every change of what the engine answers from: workers reload by it.
    engine_version = models.PositiveIntegerField(default=1)
    # Grows with every change of the access; a form that carries an older one is refused.
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
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def kind(self) -> Kind[Any]:
        """The kind of its engine."""
        return kinds.of(self.engine)


class Selection(models.Model):
    """A key is selected for a chatflow of its team: it opens it in mode *keys*."""

    chatflow = models.ForeignKey(Chatflow, on_delete=models.CASCADE, related_name="selections")
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="selections")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chatflow", "key"], name="selection_once")]

    def __str__(self) -> str:
        return f"{self.key} opens {self.chatflow}"
