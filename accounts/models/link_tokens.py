"""Link tokens: one-time links, stored hashed and bound to their purpose."""

from datetime import datetime, timedelta

from django.db import models

# What was made later than this from now was made before the clock ran back. (The clocks of several
# machines agree to within a few seconds.)
AHEAD = timedelta(minutes=1)


class LinkPurpose(models.TextChoices):
    """What a link is for. A token works for its own purpose only."""

    SET_UP = "set_up", "Set-up"
    INVITATION = "invitation", "Invitation"
    PASSWORD_RESET = "password_reset", "Password reset"
    EMAIL = "email", "New e-mail address"
    KEY_UNDO = "key_undo", "Undo of a holder's rotation"
    KEY_CONTACT = "key_contact", "Address of a key's contact"


class LinkTokenQuerySet(models.QuerySet["LinkToken"]):
    """Tokens by whether they still work."""

    def usable(self, now: datetime) -> "LinkTokenQuerySet":
        """Not used and not expired."""
        return self.filter(used_at__isnull=True, expires_at__gt=now)

    def made_within(self, span: timedelta, now: datetime) -> "LinkTokenQuerySet":
        """Made in the last span of time, for a limit: it never waits for a clock that ran back."""
        return self.filter(created_at__gt=now - span, created_at__lte=now + AHEAD)


class LinkToken(models.Model):
    """The digest of a token, bound to one purpose and one thing. The text itself is not stored.

    `bound_to` is the id of that thing: an invitation, a person or a key. Set-up links have
    none.
    """

    purpose = models.CharField(max_length=20, choices=LinkPurpose.choices)
    bound_to = models.CharField(max_length=80, blank=True, db_index=True)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    objects = LinkTokenQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.purpose} link"
