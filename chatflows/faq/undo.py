"""Undo: what the audit trail says of a thing that was deleted lately."""

from datetime import timedelta
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.utils import timezone

from accounts.audit import trail
from chatflows.models import Chatflow

RESTORED_FOR = timedelta(hours=1)


class Gone(Exception):
    """The thing can't be put back."""


def deleted(chatflow: Chatflow, target_kind: str, target_id: int, action: str) -> dict[str, Any]:
    """Return the facts of a thing that `action` deleted within RESTORED_FOR.

    Raises ObjectDoesNotExist for one that this chatflow never had, and Gone if it was deleted
    earlier, or is back already. The caller holds the chatflow.
    """
    last = trail.latest(chatflow.team_id, target_kind, target_id)
    was: dict[str, Any] = (last.before or {}) if last else {}
    if last is None:
        raise ObjectDoesNotExist
    if last.action != action or last.at < timezone.now() - RESTORED_FOR:
        raise Gone
    if was.get("chatflow_id") != str(chatflow.pk):
        raise ObjectDoesNotExist
    return was
