"""The facts of one decision as the database tells them, and who reads them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from apikeys.credentials import StoredSecret
from chatflows.access.decisions import ChatflowAccess
from chatflows.access.plans import Plan
from chatflows.engines.sources import EngineRef, EngineSources
from chatflows.protocols.openai.models import Model


@dataclass(frozen=True, slots=True)
class Facts:
    """One consistent reading: the secret asked for and the chatflow asked for, or None each."""

    secret: StoredSecret | None
    chatflow: ChatflowAccess | None
    engine: EngineRef | None
    plan: Plan | None = None  # the limits of this pair; None: there are none


class AbortReader(Protocol):
    """Reads who stopped an answer."""

    async def aborts(self, thread_ids: Sequence[str]) -> dict[str, float]:
        """The seconds since each conversation was aborted, where it was; in one statement.

        Both moments are the database's. Raises `accounts.outages.Unavailable`.
        """


class AccessReader(EngineSources, AbortReader, Protocol):
    """Reads facts at each request; nothing is kept that is not verified at the next one.

    The readings raise `accounts.outages.Unavailable` when the database is gone, slow or
    damaged.
    """

    async def read(self, public_id: str | None, chatflow_id: UUID) -> Facts:
        """The facts of one request, in one statement whatever is asked."""

    def read_soon(
        self, public_id: str | None, chatflow_id: UUID, then: Callable[[Facts | None], None]
    ) -> None:
        """Call `then` with what `read` would return, at once if nothing has to be waited for.

        With None where `read` would raise.
        """

    async def models(self, team_id: UUID, key_id: UUID) -> tuple[Model, ...]:
        """The chatflows of a team that one of its keys opens, by name, in one statement."""

    async def counts(
        self, subjects: Sequence[UUID], periods: Sequence[str]
    ) -> dict[tuple[UUID, str], int]:
        """The calls of keys and chatflows in days and months, where there were any."""

    def watch(self, then: Callable[[], None]) -> None:
        """Call `then` whenever the database is seen to be replaced.

        The process's other connections have to be closed then, before it can be read again.
        """

    def look(self) -> None:
        """Look whether the database was replaced, without reading it."""

    def close(self) -> None:
        """Give back what it holds open; for the loop that read."""
