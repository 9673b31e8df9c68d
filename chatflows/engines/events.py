"""What goes into an engine and what comes out."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Question:
    """One question of one caller; `chat_id` names the conversation, already bound to the caller."""

    text: str
    chat_id: str


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer; the pieces joined are the whole text."""

    text: str


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the answer comes from, in Flowise's form."""

    documents: tuple[dict[str, object], ...]


@dataclass(frozen=True, slots=True)
class Done:
    """The answer is whole. `is_answered` is False where it only says that there is none."""

    is_answered: bool = True


@dataclass(frozen=True, slots=True)
class Failed:
    """The engine could not answer: the status and code for the caller, and a sentence."""

    status: int
    code: str
    detail: str


Event = Token | Sources | Done | Failed


class Engine(Protocol):
    """Answers questions. The last event is always Done or Failed."""

    def answer(self, question: Question) -> AsyncIterator[Event]:
        """Yield the events of one answer as they come."""
