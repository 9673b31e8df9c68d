"""Mails: the outbox. A row is written in the caller's transaction and sent by the worker."""

import uuid
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q

from accounts.models.link_tokens import AHEAD
from accounts.models.mail_kinds import KINDS
from accounts.models.teams import Team

FURTHEST = timedelta(hours=2)  # no attempt is put off for so long


class MailQuerySet(models.QuerySet["Mail"]):
    """Mails by team and state."""

    def of(self, team: Team) -> "MailQuerySet":
        """The mails of one team."""
        return self.filter(team=team)

    def without_team(self) -> "MailQuerySet":
        """The mails of the installation, such as password resets."""
        return self.filter(team=None)

    def due(self, now: datetime) -> "MailQuerySet":
        """Mails that the worker should send now, or that wait for a clock that ran back."""
        return self.filter(Q(next_try_at__lte=now) | Q(next_try_at__gt=now + FURTHEST))

    def made_within(self, span: timedelta, now: datetime) -> "MailQuerySet":
        """Made in the last span of time, for a limit: it never waits for a clock that ran back."""
        return self.filter(created_at__gt=now - span, created_at__lte=now + AHEAD)

    def retrying(self) -> "MailQuerySet":
        """Mails that wait after a failed attempt, but not one that is being sent right now."""
        return self.filter(next_try_at__isnull=False).exclude(last_error="")

    def in_trouble(self) -> "MailQuerySet":
        """Mails that were given up or wait after a failed attempt."""
        return self.filter(sent_at=None).exclude(last_error="")


class Mail(models.Model):
    """One mail to one address.

    Its body can hold a link that gives access. The body is stored encrypted, bound to this row and
    recipient, and erased as soon as the mail is sent or given up.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    recipient = models.CharField(max_length=254)
    subject = models.CharField(max_length=200)
    ciphertext = models.BinaryField(null=True)
    key_version = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    give_up_at = models.DateTimeField()
    # Also the lease of who sends it: claimed is moved into the future, finished is empty.
    next_try_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)

    objects = MailQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["next_try_at"], name="mail_due", condition=~Q(next_try_at=None)),
            models.Index(fields=["team", "-created_at"], name="mail_of_team"),
        ]
        constraints = [
            models.CheckConstraint(
                name="mail_waiting_sent_or_failed",
                condition=Q(next_try_at__isnull=False, sent_at=None, failed_at=None)
                | Q(next_try_at=None, sent_at__isnull=False, failed_at=None)
                | Q(next_try_at=None, sent_at=None, failed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="mail_body_only_while_waiting",
                condition=Q(ciphertext__isnull=False, next_try_at__isnull=False)
                | Q(ciphertext=None, next_try_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} mail"

    @property
    def place(self) -> tuple[str, ...]:
        """The place that the body's ciphertext is bound to: this row and recipient."""
        return ("mail", str(self.id), self.recipient)

    @property
    def label(self) -> str:
        """The kind of mail, for people."""
        return KINDS[self.kind].label if self.kind in KINDS else self.kind

    @property
    def advice(self) -> str:
        """What an admin can do when the mail has failed."""
        return KINDS[self.kind].advice if self.kind in KINDS else ""

    @property
    def status(self) -> str:
        """`sent`, `failed`, `retrying` (an attempt failed) or `waiting`."""
        if self.sent_at:
            return "sent"
        if self.failed_at:
            return "failed"
        return "retrying" if self.last_error else "waiting"
