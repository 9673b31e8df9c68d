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
    """Return OpenAI's list of models. The field `name` is ours; some clients show it."""
    return {
        "object": "list",
        "data": [
            {
                "id": str(model.chatflow_id),
                "object": "model",
                "created": int(model.created_at.timestamp()),
                "owned_by": OWNER,
                "name": model.name,
            }
            for model in found
        ],
    }
