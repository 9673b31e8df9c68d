"""Calls: records of what came to the gate or was asked on a page."""

from django.db import models

from accounts.models import Team, TeamOwned, TeamQuerySet
from apikeys import key_text
from apikeys.models import KeySecret
from chatflows.access.codes import CODES
from chatflows.access.decisions import Reason
from chatflows.models.chatflows import Chatflow


class CallQuerySet(TeamQuerySet["Call"]):
    """Queries for calls."""

    def from_outside(self) -> "CallQuerySet":
        """Leave out the calls of the team's own playground."""
        return self.exclude(reason=Call.PLAYGROUND)

    def latest_of(self, chatflow: Chatflow, count: int) -> "CallQuerySet":
        """Return the newest calls of a chatflow."""
        of_chatflow = self.of(chatflow.team).filter(chatflow_id=chatflow.id)
        return of_chatflow.with_key_kinds().order_by("-id")[:count]

    def with_key_kinds(self) -> "CallQuerySet":
        """Annotate `is_publishable`, by which the hint of a call's key begins."""
        sealed = KeySecret.objects.filter(public_id=models.OuterRef("public_id"))
        return self.annotate(is_publishable=models.Exists(sealed.exclude(key_version=None)))


class Call(TeamOwned):
    """One request to the gate, or one question asked on the Try it page or in the flow app.

    It keeps names as they were, and holds no secret.
    """

    # The reasons of questions on pages, which no rule of the gate let in.
    PLAYGROUND = "playground"  # a member, on the Try it page
    HOSTED = "hosted"  # a visitor, in the flow app

    team = models.ForeignKey(
        Team,
        on_delete=models.CASCADE,
        related_name="calls",
        db_index=False,  # both indexes below begin with it, and each index makes every call dearer
    )
    # No foreign keys: a record outlives its chatflow and its key.
    chatflow_id = models.UUIDField()
    key_id = models.UUIDField(null=True)
    key_name = models.CharField(max_length=64, blank=True)
    public_id = models.CharField(max_length=12, blank=True)
    at = models.DateTimeField()
    allowed = models.BooleanField()
    status = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=30)
    reason = models.CharField(max_length=30)
    client_address = models.CharField(max_length=45, blank=True)
    duration_ms = models.PositiveIntegerField()
    streamed = models.BooleanField(default=False)
    # The HTTP status with which the upstream refused; null if it refused nothing, or said nothing.
    upstream_status = models.PositiveSmallIntegerField(null=True)
    request_id = models.CharField(max_length=20)

    objects = CallQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["team", "chatflow_id", "-id"], name="call_by_chatflow"),
            models.Index(fields=["team", "key_id", "at"], name="call_by_key"),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.code}"

    @property
    def reason_words(self) -> str:
        """The reason as a sentence for the team."""
        if self.is_playground:
            return "Asked by a member on the Try it page."
        if self.is_hosted:
            return "Asked by a visitor of the flow app."
        return Reason(self.reason).words

    @property
    def has_failed(self) -> bool:
        """Whether it was let in, and no good answer came."""
        return self.allowed and self.status >= 400

    @property
    def failure_words(self) -> str:
        """Why the answer of a call that was let in failed, as a sentence; empty if it did not."""
        code = CODES.get(self.code) if self.allowed else None
        return "" if code is None else code.sentence

    @property
    def is_playground(self) -> bool:
        """Whether a member asked it on the Try it page."""
        return self.reason == self.PLAYGROUND

    @property
    def is_hosted(self) -> bool:
        """Whether a visitor asked it in the flow app."""
        return self.reason == self.HOSTED

    @property
    def key_hint_parts(self) -> tuple[str, str, str] | None:
        """Prefix, head and tail of the key's public id, if a key was recognised."""
        if not self.public_id:
            return None
        is_publishable = getattr(self, "is_publishable", False)  # see with_key_kinds
        return key_text.hint_parts(self.public_id, is_publishable=is_publishable)
