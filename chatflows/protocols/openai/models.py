"""Models: the list of the chatflows that a key opens. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

OWNER = "flowlatch"


@dataclass(frozen=True, slots=True)
class Model:
    """A chatflow in the list of those that a key opens."""

    chatflow_id: UUID
    name: str
    created_at: datetime


def models(found: Sequence[Model]) -> dict[str, Any]:
    """Return OpenAI's list of models."""
    return {"object": "list", "data": [model(each) for each in found]}


def model(chatflow: Model) -> dict[str, Any]:
    """Return a model as OpenAI describes one. The field `name` is ours; some clients show it."""
    return {
        "id": str(chatflow.chatflow_id),
        "object": "model",
        "created": int(chatflow.created_at.timestamp()),
        "owned_by": OWNER,
        "name": chatflow.name,
    }
