"""API keys and their secrets."""

import uuid
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models.functions import Least
from django.utils import timezone

from accounts.models import (
    Environment,
    Limited,
    ServiceAccount,
    Team,
    TeamOwned,
    TeamQuerySet,
    limits_are_positive,
)
from accounts.models.limited import few_have_monthly_limits
from accounts.models.names import Named
from apikeys import key_text, usable
from apikeys.models import badges
from apikeys.models.badges import USABLE, Status
from apikeys.usable import KeyFacts, State

EXPIRES_SOON = timedelta(days=7)
NEVER = datetime.min.replace(tzinfo=UTC)  # when the secret of a key that has none ended


_STATUSES = {
    State.EXPIRED: Status.EXPIRED,
    State.DISABLED: Status.DISABLED,
    State.ACCOUNT_DISABLED: Status.ACCOUNT_DISABLED,
    State.TEAM_SUSPENDED: Status.TEAM_SUSPENDED,
    State.REVOKED: Status.UNISSUED,
}


class Kind(models.TextChoices):
    """Where a key's text may lie."""

    SECRET = "secret", "Secret"  # on servers
    PUBLISHABLE = "publishable", "Publishable"  # in web pages: pinned to one chatflow


class ApiKeyQuerySet(TeamQuerySet["ApiKey"]):
    """Keys by state."""

    def kept(self) -> "ApiKeyQuerySet":
        """Keys that are not deleted."""
        return self.filter(deleted_at=None)

    def selectable_for(self, chatflow_id: uuid.UUID) -> "ApiKeyQuerySet":
        """Keys that may be selected for a chatflow: all but those that are pinned to another."""
        return self.filter(models.Q(pinned_to=None) | models.Q(pinned_to=chatflow_id))

    def with_status(self) -> "ApiKeyQuerySet":
        """Read everything that `ApiKey.status` looks at in few statements."""
        return self.select_related("team", "service_account").prefetch_related("secrets")

    def usable(self, now: datetime | None = None) -> "ApiKeyQuerySet":
        """Keys whose text works at `now`. The SQL twin of `apikeys.usable.state`."""
        now = now or timezone.now()
        return self.kept().filter(
            models.Q(expires_at=None) | models.Q(expires_at__gt=now),
            models.Q(service_account=None)
            | models.Q(service_account__disabled_at=None, service_account__deleted_at=None),
            models.Exists(KeySecret.objects.live(now).filter(key=models.OuterRef("pk"))),
            disabled_at=None,
            team__suspended_at=None,
        )


class ApiKey(Named, Limited, TeamOwned):
    """A named credential of a team. It belongs to the team, not to the person who created it."""

    DEFAULT_NAME = "DefaultKey"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=64)
    kind = models.CharField(max_length=11, choices=Kind.choices, default=Kind.SECRET)
    # The one chatflow of a publishable key. No foreign key: chatflows are above this app.
    pinned_to = models.UUIDField(null=True, blank=True)
    scopes = models.JSONField(default=list)
    note = models.CharField(max_length=300, blank=True)
    # Of a key without a service account; with one, the account's own counts.
    environment = models.CharField(
        max_length=12, choices=Environment.choices, default=Environment.PRODUCTION
    )
    # Who gets the key's mails beside the admins: a member, or an address confirmed by a link.
    contact = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    contact_email = models.EmailField(max_length=254, blank=True)
    contact_confirmed_at = models.DateTimeField(null=True, blank=True)
    # Without the row of its account a key must not live on as one of the team's own.
    service_account = models.ForeignKey(
        ServiceAccount, null=True, blank=True, on_delete=models.CASCADE, related_name="api_keys"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    # The effective end: the key policy of the team only ever moves it forward.
    expires_at = models.DateTimeField(null=True, blank=True)
    rotate_every = models.PositiveIntegerField(null=True, blank=True)  # days between two reminders
    disabled_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    leak_reports = models.PositiveIntegerField(default=0)  # of a publishable text, public anyway
    # Grows with every change made on a page. A form that carries an older version is refused.
    version = models.PositiveIntegerField(default=1)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "name_key"],
                condition=models.Q(deleted_at=None),
                name="api_key_name_once",
                violation_error_message="The team has a key of this name.",
            ),
            models.CheckConstraint(
                condition=models.Q(kind=Kind.SECRET, pinned_to=None)
                | models.Q(kind=Kind.PUBLISHABLE, pinned_to__isnull=False),
                name="api_key_pinned_if_publishable",
            ),
            models.CheckConstraint(
                condition=models.Q(environment__in=Environment.values),
                name="api_key_environment_known",
            ),
            models.CheckConstraint(
                condition=models.Q(kind=Kind.SECRET)
                | models.Q(limit_minute__isnull=False)
                | models.Q(limit_day__isnull=False),
                name="api_key_limited_if_publishable",
                violation_error_message="A publishable key needs a limit a minute or a day.",
            ),
            limits_are_positive("api_key_limits_positive"),
        ]
        indexes = [
            *few_have_monthly_limits("api_key"),
            # Lists (services/key_lists.py): their order, a name's beginning, counts of an account.
            models.Index(
                fields=["team", "-last_used_at", "-created_at", "-id"],
                condition=models.Q(deleted_at=None),
                name="api_key_by_use",
            ),
            models.Index(
                fields=["team", "name_key"],
                opclasses=["uuid_ops", "text_pattern_ops"],
                condition=models.Q(deleted_at=None),
                name="api_key_by_name",
            ),
            models.Index(
                fields=["service_account", "deleted_at", "name"],
                condition=models.Q(service_account__isnull=False),
                name="api_key_by_account",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_publishable(self) -> bool:
        """Whether this is a key for web pages, pinned to one chatflow."""
        return self.kind == Kind.PUBLISHABLE

    @property
    def live_secrets(self) -> "list[KeySecret]":
        """The secrets that still work, the newest first. There are two during a rotation."""
        now = timezone.now()
        live = [s for s in self.secrets.all() if s.ends_at is None or s.ends_at > now]
        return sorted(live, key=lambda s: s.pk, reverse=True)  # a clock may have run back

    @property
    def secret(self) -> "KeySecret | None":
        """The newest secret that still works, or None."""
        return next(iter(self.live_secrets), None)

    @property
    def old_secret(self) -> "KeySecret | None":
        """The older of two secrets that work: the one that a rotation lets end."""
        return next(iter(self.live_secrets[1:]), None)

    @property
    def status(self) -> Status:
        """The state of the key now."""
        now = timezone.now()
        state = usable.state(self._facts(), now)
        if state is not State.GOOD:
            return _STATUSES[state]
        is_ending = self.expires_at is not None and self.expires_at <= now + EXPIRES_SOON
        return Status.EXPIRING if is_ending else Status.ACTIVE

    @property
    def is_usable(self) -> bool:
        """Whether the key's text works."""
        return self.status in USABLE

    @property
    def badge(self) -> tuple[str, str]:
        """The words of the status, and the colour family of their badge."""
        status, ends = self.status, [secret.ends_at for secret in self.live_secrets]
        now = timezone.now()
        return badges.words(status, self.expires_at, ends, now), badges.tone(status, ends)

    @property
    def status_words(self) -> str:
        """The status as a badge says it."""
        return self.badge[0]

    @property
    def status_tone(self) -> str:
        """The colour family of the badge."""
        return self.badge[1]

    @property
    def hint_parts(self) -> tuple[str, str, str]:
        """Prefix, head and tail of the public id; empty without a secret."""
        secret = self.secret
        if secret is None:
            return "", "", ""
        return key_text.hint_parts(secret.public_id, is_publishable=self.is_publishable)

    @property
    def lives_in(self) -> Environment:
        """Where the key is used: its service account's environment, if it has an account."""
        account = self.service_account
        return Environment(account.environment if account else self.environment)

    def _facts(self) -> KeyFacts:
        account = self.service_account
        ends = [secret.ends_at for secret in self.secrets.all()]
        last = None if None in ends else max([end for end in ends if end], default=NEVER)
        return KeyFacts(
            is_deleted=self.deleted_at is not None,
            is_team_suspended=self.team.suspended_at is not None,
            is_disabled=self.disabled_at is not None,
            is_account_disabled=account is not None and not account.is_usable,
            secret_ends_at=last,
            expires_at=self.expires_at,
        )


class KeySecretQuerySet(models.QuerySet["KeySecret"]):
    """Secrets by whether they work."""

    def live(self, now: datetime) -> "KeySecretQuerySet":
        """Secrets that have not ended."""
        return self.filter(models.Q(ends_at=None) | models.Q(ends_at__gt=now))

    def end(self, now: datetime) -> int:
        """End these secrets now, for good. Return how many there were.

        Their end is set to when they were made: a clock that runs back revives none of them. The
        audit trail says when they were ended.
        """
        return self.update(ends_at=Least("created_at", models.Value(now)))


class KeySecret(models.Model):
    """Recognises a key's text by its public id and a peppered digest.

    The text of a secret key is not stored.
    """

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="secrets")
    public_id = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=64)
    pepper_version = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    ending_since = models.DateTimeField(null=True, blank=True)  # when its end was first set
    # The worker ends it before `ends_at`, once no call came with it for 12 hours.
    ends_when_silent = models.BooleanField(default=False)
    # The person to whom the text was shown, where it was a person.
    shown_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    # The text of a publishable key, encrypted: it is public by nature and shown at any time.
    ciphertext = models.BinaryField(null=True)
    key_version = models.PositiveIntegerField(null=True)

    objects = KeySecretQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["pepper_version", "digest"], name="key_secret_digest_once"
            ),
            models.CheckConstraint(
                condition=models.Q(ciphertext=None, key_version=None)
                | models.Q(ciphertext__isnull=False, key_version__isnull=False),
                name="key_secret_sealed_whole",
            ),
        ]

    def __str__(self) -> str:
        return "".join(key_text.hint_parts(self.public_id, is_publishable=self.is_sealed)[:2])

    @property
    def is_sealed(self) -> bool:
        """Whether the text is kept, encrypted: that of a publishable key."""
        return self.key_version is not None
