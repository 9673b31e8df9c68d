"""Predictions: one question and its answer, whoever asks."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

from chatflows.engines import Done, Engine, Event, Failed, Question, Sources, Token


@dataclass(slots=True)
class Prediction:
    """One prediction while it runs: its ids, and what the engine has said so far."""

    question: str
    chat_id: str
    message_id: UUID = field(default_factory=uuid.uuid4)
    pieces: list[str] = field(default_factory=list)
    sources: tuple[dict[str, object], ...] = ()
    failure: Failed | None = None
    is_complete: bool = False
    is_answered: bool = True  # False: the engine said that it has no answer

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self.pieces)


def begin(question: str, chat_id: str) -> Prediction:
    """A new prediction; without a chat id it begins a conversation."""
    return Prediction(question, chat_id or str(uuid.uuid4()))


async def run(prediction: Prediction, engine: Engine) -> AsyncIterator[Event]:
    """Ask the engine and yield its events, noting them in the prediction.

    An engine that ends without a last word has failed: a cut answer never looks whole.
    """
    events = engine.answer(Question(prediction.question, prediction.chat_id))
    async for event in events:
        match event:
            case Token(text):
                prediction.pieces.append(text)
            case Sources(documents):
                prediction.sources = documents
            case Failed():
                prediction.failure = event
            case Done(is_answered):
                prediction.is_complete, prediction.is_answered = True, is_answered
        yield event
        if isinstance(event, Done | Failed):
            return
    prediction.failure = Failed(502, "upstream_cut", "The answer broke off.")
    yield prediction.failure
