"""Waiting selections: keys of a lost database, selected again once their chatflow is made."""

from uuid import UUID

from accounts.models import Team
from apikeys.models import ApiKey, WaitingSelection


def take(team: Team, chatflow_id: UUID) -> list[ApiKey]:
    """Return the keys of a team that wait for a chatflow, in the transaction of the caller.

    They wait no longer. Deleted keys stay deleted, and a key that is pinned to another chatflow
    since does not open this one.
    """
    waiting = WaitingSelection.objects.of(team).filter(chatflow_id=chatflow_id)
    fitting = ApiKey.objects.of(team).kept().selectable_for(chatflow_id)
    keys = list(fitting.filter(waiting_selections__in=waiting).order_by("name_key"))
    waiting.delete()
    return keys
