"""Flow apps: a team's hosted chat pages, their login, and the visits."""

from datetime import datetime

from django.db import models

from accounts.models import Team, TeamOwned, TeamQuerySet
from chatflows.models.chatflows import Chatflow


class FlowAppState(models.TextChoices):
    """Who may enter a flow app."""

    OFF = "off", "Off"
    PASSWORD = "password", "Password"
    OPEN = "open", "Open"


class FlowApp(TeamOwned):
    """The hosted chat pages of a team. Without a row the flow app is off."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, related_name="flow_app")
    state = models.CharField(max_length=8, choices=FlowAppState.choices, default=FlowAppState.OFF)
    username = models.CharField(max_length=64, blank=True)
    password_hash = models.CharField(max_length=200, blank=True)
    password_changed_at = models.DateTimeField(null=True, blank=True)
    # Username and password come from FLOW_USERNAME and FLOW_PASSWORD. The page can't change them.
    is_from_environment = models.BooleanField(default=False)
    # Grows with every change of state, username or password, which ends older visits.
    version = models.PositiveIntegerField(default=1)

    objects = TeamQuerySet["FlowApp"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=FlowAppState.values), name="flow_app_state_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(state=FlowAppState.PASSWORD)
                | ~models.Q(username="") & ~models.Q(password_hash=""),
                name="flow_app_password_is_set",
            ),
        ]

    def __str__(self) -> str:
        return f"flow app of {self.team}"


class FlowSessionQuerySet(TeamQuerySet["FlowSession"]):
    """Queries for visits."""

    def alive(self, now: datetime) -> "FlowSessionQuerySet":
        """Return visits that have not expired and began after the last change of the flow app."""
        return self.filter(expires_at__gt=now, version=models.F("team__flow_app__version"))


class FlowSession(TeamOwned):
    """A visit to a team's flow app. Only a digest of its cookie's token is stored."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="flow_sessions")
    digest = models.CharField(max_length=64, unique=True)
    version = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    objects = FlowSessionQuerySet.as_manager()

    def __str__(self) -> str:
        return f"visit {self.pk}"

    @property
    def caller(self) -> str:
        """The owner of the visit's conversations, in the place of a key."""
        return f"visit:{self.pk}"


class HostedChatQuerySet(models.QuerySet["HostedChat"]):
    """Queries for hosted chats."""

    def shown_by(self, team: Team) -> "HostedChatQuerySet":
        """Return the chats that a team publishes, of chatflows that are not off."""
        shown = self.filter(chatflow__team=team, is_published=True)
        return shown.exclude(chatflow__access_mode="off").select_related("chatflow")


class HostedChat(models.Model):
    """How the flow app shows a chatflow. Without a row it does not show it."""

    chatflow = models.OneToOneField(
        Chatflow, on_delete=models.CASCADE, related_name="hosted_chat", primary_key=True
    )
    is_published = models.BooleanField(default=False)
    title = models.CharField(max_length=80)
    welcome = models.TextField(max_length=500, blank=True)
    starters = models.TextField(max_length=500, blank=True)

    objects = HostedChatQuerySet.as_manager()

    def __str__(self) -> str:
        return self.title

    @property
    def starter_lines(self) -> list[str]:
        """The questions to begin with, one for each line."""
        return [line.strip() for line in self.starters.splitlines() if line.strip()]
