"""Turns: questions with their answers, as a conversation keeps them, and the memory of them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from chatflows.engines import PastTurn


@dataclass(slots=True)  # frozen, it takes three times as long to make
class Turn:
    """A question with its answer, to be kept in the caller's conversation."""

    message_id: str  # a UUID
    at: datetime
    chatflow_id: UUID
    caller: str
    chat_id: str
    question: str = field(repr=False)
    answer: str = field(repr=False)
    is_complete: bool
    is_answered: bool = True  # False if the answer is the FAQ's fallback


class Memory(Protocol):
    """Keeps turns, so that the caller's next request finds them on any process.

    Its methods raise `accounts.outages.Unavailable`.
    """

    async def recall(
        self, chatflow_id: UUID, caller: str, chat_id: str, count: int
    ) -> tuple[PastTurn, ...]:
        """Return the last complete turns, oldest first."""

    async def keep(self, turn: Turn) -> None:
        """Write a turn, and return once it is committed."""
