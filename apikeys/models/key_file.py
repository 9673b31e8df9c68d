"""Changes of what the key file holds, and selections that wait for their chatflow."""

from django.db import models

from accounts.models import Team, TeamOwned, TeamQuerySet
from apikeys.models.keys import ApiKey


class KeyFileChange(models.Model):
    """One change of a fact in the key file. Triggers of the database write the rows.

    The newest row's id is the generation of the file.
    """

    key_id = models.UUIDField(null=True)  # None: a team changed, not a key; a key may be gone
    mark = models.CharField(max_length=16)  # random: a row of another database is noticed

    def __str__(self) -> str:
        return f"change {self.pk}"


class WaitingSelection(TeamOwned):
    """A key that opened a chatflow of a lost database. It wakes when the chatflow is made again."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="waiting_selections")
    chatflow_id = models.UUIDField()  # no foreign key: there is no such chatflow yet

    objects = TeamQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chatflow_id", "key"], name="waiting_selection_once")
        ]

    def __str__(self) -> str:
        return f"{self.key} waits for {self.chatflow_id}"
