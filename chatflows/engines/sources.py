"""What an engine is made from, and who reads it."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from chatflows.engines.faq import Entry


class EngineRef(NamedTuple):
    """Which engine answers, and the version of what it answers from."""

    name: str
    version: int


@dataclass(frozen=True, slots=True)
class EngineSource:
    """All that an engine is made from. `secret` is ciphertext, readable with `key_version`."""

    team_id: UUID
    engine: str
    config: dict[str, Any]
    fallback: str
    entries: tuple[Entry, ...]
    secret_origin: str = ""
    secret: bytes = field(default=b"", repr=False)
    key_version: int = 0


class EngineSources(Protocol):
    """Reads what engines are made from."""

    async def engine_source(self, chatflow_id: UUID) -> EngineSource:
        """What the engine of a chatflow is made from; Unavailable if the chatflow is gone."""
