"""The facts of one decision as the database tells them, and who reads them."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from apikeys.credentials import StoredSecret
from chatflows.decisions import ChatflowAccess
from chatflows.engines.faq import Entry


@dataclass(frozen=True, slots=True)
class EngineRef:
    """Which engine answers, and the version of what it answers from."""

    name: str
    version: int


@dataclass(frozen=True, slots=True)
class Facts:
    """One consistent reading: the secret asked for and the chatflow asked for, or None each."""

    secret: StoredSecret | None
    chatflow: ChatflowAccess | None
    engine: EngineRef | None


class AccessReader(Protocol):
    """Reads facts at each request; nothing is kept that is not verified at the next one.

    Both raise `accounts.secrets.Unavailable` when the database is gone, slow or damaged.
    """

    def read(self, public_id: str | None, chatflow_id: UUID) -> Facts:
        """The facts of one request, in one statement whatever is asked."""

    def faq(self, chatflow_id: UUID) -> tuple[list[Entry], str]:
        """The entries and the fallback of a chatflow's FAQ."""
