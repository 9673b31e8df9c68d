"""Turns: a question and its answer as kept in a conversation, and who remembers them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from chatflows.engines import PastTurn


@dataclass(slots=True)  # frozen, it takes three times as long to make
class Turn:
    """A question and its answer, to be kept in the caller's conversation."""

    message_id: str  # a UUID
    at: datetime
    chatflow_id: UUID
    caller: str
    chat_id: str
    question: str = field(repr=False)
    answer: str = field(repr=False)
    is_complete: bool
    is_answered: bool = True  # False: the fallback was given


class Memory(Protocol):
    """Conversations as the next request of the same caller sees them, on any process.

    The readings raise `accounts.outages.Unavailable`.
    """

    async def recall(
        self, chatflow_id: UUID, caller: str, chat_id: str, count: int
    ) -> tuple[PastTurn, ...]:
        """The last whole turns, oldest first."""

    async def keep(self, turn: Turn) -> None:
        """Write a turn; it is committed when this returns."""
