"""Invitations: who may join a team until when, and how each ended."""

import uuid
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models.teams import Role, TeamOwned, TeamQuerySet

LOOK_FROM = timedelta(days=2)


class InvitationState(models.TextChoices):
    """The state of an invitation."""

    PENDING = "pending", "Pending"
    EXPIRED = "expired", "Expired"
    ACCEPTED = "accepted", "Accepted"
    WITHDRAWN = "withdrawn", "Withdrawn"


class InvitationQuerySet(TeamQuerySet["Invitation"]):
    """Invitations by state."""

    def open(self) -> Self:
        """Neither accepted nor withdrawn: pending, or expired and waiting for a new link."""
        return self.filter(accepted_at=None, withdrawn_at=None)

    def past(self) -> Self:
        """Accepted or withdrawn."""
        return self.exclude(accepted_at=None, withdrawn_at=None)


class Invitation(TeamOwned):
    """An address that may join a team. Its link is a row of LinkToken that is bound to this id."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(max_length=254)
    email_key = models.CharField(max_length=254, editable=False)
    role = models.CharField(max_length=10, choices=Role.choices)
    # Whoever made the newest link vouches for it: without that person's right it is dead.
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    # A key that invited: its scope vouches. No foreign key, since keys are above this app.
    key_id = models.UUIDField(null=True, blank=True)
    key_name = models.CharField(max_length=64, blank=True)
    # An operator invites a team's first owner, and vouches as an operator.
    is_by_operator = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    link_made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    is_mailed = models.BooleanField(default=False)
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "email_key"],
                condition=Q(accepted_at=None, withdrawn_at=None),
                name="invitation_open_once",
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_known"),
            models.CheckConstraint(
                condition=Q(accepted_at=None) | Q(withdrawn_at=None), name="invitation_ends_once"
            ),
            models.CheckConstraint(
                condition=Q(accepted_by=None) | Q(accepted_at__isnull=False),
                name="invitation_accepted_at_by",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("link_made_at")), name="invitation_has_a_term"
            ),
        ]

    @property
    def inviter(self) -> str:
        """The name of the person or key that invited; empty if the person is gone."""
        return self.invited_by.username if self.invited_by else self.key_name

    def __str__(self) -> str:
        return f"invitation of {self.email}"

    def state(self, now: datetime | None = None) -> InvitationState:
        """Return the state at `now`, or at this moment."""
        if self.accepted_at is not None:
            return InvitationState.ACCEPTED
        if self.withdrawn_at is not None:
            return InvitationState.WITHDRAWN
        is_over = self.expires_at <= (now or timezone.now())
        return InvitationState.EXPIRED if is_over else InvitationState.PENDING

    @property
    def status_words(self) -> str:
        """The words on the badge of an open invitation."""
        if self.state() == InvitationState.EXPIRED:
            return "Expired"
        left = self.expires_at - timezone.now()
        if left < timedelta(hours=1):
            return "Ends within the hour"
        if left < timedelta(days=1):
            return "Ends within a day"
        days = round(left / timedelta(days=1))
        return f"{days} day{'' if days == 1 else 's'} left"

    @property
    def status_tone(self) -> str:
        """The badge's colour and shape."""
        if self.state() == InvitationState.EXPIRED:
            return "bad"
        return "look" if self.expires_at - timezone.now() <= LOOK_FROM else "plain"
