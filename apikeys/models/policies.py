"""The key policy of a team: what its keys may be. It takes away and never gives."""

from django.db import models

from accounts.models import Team, TeamOwned, TeamQuerySet


class KeyPolicy(TeamOwned):
    """One row a team that has set a policy. None in a column: the policy asks nothing there."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, related_name="key_policy")
    longest_life = models.PositiveIntegerField(null=True, blank=True)  # days from the last text on
    rotate_every = models.PositiveIntegerField(null=True, blank=True)  # days between two reminders
    longest_overlap = models.PositiveIntegerField(null=True, blank=True)  # hours
    may_last_forever = models.BooleanField(default=True)
    # What keys may hold beside `predictions:create`; None: every scope.
    scopes = models.JSONField(null=True, blank=True)
    # Whether whoever holds a key may give it a new text on the holder's page.
    holders_may_rotate = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1)

    objects = TeamQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Key policy of {self.team}"
