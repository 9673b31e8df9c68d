"""Turns: questions with their answers, as a conversation keeps them, and the memory of them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from chatflows.engines import PastTurn
from chatflows.predictions.prediction import MAX_REMEMBERED, Prediction


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

    @classmethod
    def of(cls, prediction: Prediction, *, at: datetime, chatflow_id: UUID, caller: str) -> "Turn":
        """Return what is kept of a prediction. A text that is cut says so at its end."""
        question, answer = prediction.question.text, prediction.text
        return cls(
            message_id=prediction.message_id,
            at=at,
            chatflow_id=chatflow_id,
            caller=caller,
            chat_id=prediction.chat_id,
            question=_cut(question, len(question)),
            answer=_cut(answer, prediction.length),
            is_complete=prediction.is_complete,
            is_answered=prediction.is_answered,
        )


def _cut(text: str, length: int) -> str:
    if length <= MAX_REMEMBERED:
        return text
    return f"{text[:MAX_REMEMBERED]}… (cut: {length:,} characters)"


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
