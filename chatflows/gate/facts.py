"""The facts of one decision as the database tells them, and who reads them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from apikeys.credentials import StoredSecret
from chatflows.decisions import ChatflowAccess
from chatflows.engines import PastTurn
from chatflows.engines.faq import Entry
from chatflows.gate.recorder import Turn


class EngineRef(NamedTuple):
    """Which engine answers, and the version of what it answers from."""

    name: str
    version: int


@dataclass(frozen=True, slots=True)
class Facts:
    """One consistent reading: the secret asked for and the chatflow asked for, or None each."""

    secret: StoredSecret | None
    chatflow: ChatflowAccess | None
    engine: EngineRef | None


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


@dataclass(frozen=True, slots=True)
class Model:
    """A chatflow in the list of those that a key opens."""

    chatflow_id: UUID
    name: str
    created_at: datetime


class EngineSources(Protocol):
    """Reads what engines are made from."""

    async def engine_source(self, chatflow_id: UUID) -> EngineSource:
        """What the engine of a chatflow is made from; Unavailable if the chatflow is gone."""


class AbortReader(Protocol):
    """Reads who stopped an answer."""

    async def aborts(self, thread_ids: Sequence[str]) -> dict[str, float]:
        """The seconds since each conversation was aborted, where it was; in one statement.

        Both moments are the database's. Raises `accounts.secrets.Unavailable`.
        """


class AccessReader(EngineSources, AbortReader, Protocol):
    """Reads facts at each request; nothing is kept that is not verified at the next one.

    The readings raise `accounts.secrets.Unavailable` when the database is gone, slow or damaged.
    """

    async def read(self, public_id: str | None, chatflow_id: UUID) -> Facts:
        """The facts of one request, in one statement whatever is asked."""

    async def models(self, team_id: UUID, key_id: UUID) -> tuple[Model, ...]:
        """The chatflows of a team that one of its keys opens, by name, in one statement."""

    def close(self) -> None:
        """Give back what it holds open; for the loop that read."""


class Memory(Protocol):
    """Conversations as the next request of the same caller sees them, on any process.

    The readings raise `accounts.secrets.Unavailable`.
    """

    async def recall(
        self, chatflow_id: UUID, caller: str, chat_id: str, count: int
    ) -> tuple[PastTurn, ...]:
        """The last whole turns, oldest first."""

    async def keep(self, turn: Turn) -> None:
        """Write a turn; it is committed when this returns."""
