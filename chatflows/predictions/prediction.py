"""Predictions: one question and its answer, whoever asks."""

import hashlib
import os
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from uuid import UUID

from chatflows.access import codes
from chatflows.engines import (
    Done,
    Engine,
    Event,
    Failed,
    Frame,
    InstantAnswer,
    Question,
    Sources,
    Token,
    Usage,
    Whole,
)

MAX_TEXT = 1_000_000  # characters of an endless answer that are kept while it runs
MAX_REMEMBERED = 32_768  # characters of a question and of an answer that a conversation keeps
JOINED = 64  # pieces of it that are kept as one: a text takes 50 to 80 bytes more than its own

# What is said where an engine ends without a last word: a cut answer never looks whole.
BROKEN_OFF = Failed(codes.UPSTREAM_CUT)
TOO_LONG = Failed(codes.UPSTREAM_INVALID)


# Random hex digits for the next ids: a system call for each id would cost more than the id.
_ready: list[str] = []
os.register_at_fork(after_in_child=_ready.clear)


def _random_digits() -> str:
    """Return 20 random hex digits, never the same ones twice, whatever thread asks."""
    try:
        return _ready.pop()
    except IndexError:
        digits = os.urandom(1010).hex()
        _ready.extend([digits[start : start + 20] for start in range(20, len(digits), 20)])
        return digits[:20]


def new_id() -> str:
    """Make a UUID of version 7 (RFC 9562): 74 random bits behind the time in milliseconds.

    Rows that come one after the other then lie side by side in an index, where random ids would
    each touch a page of their own at every commit.
    """
    # As text: two are made for each call, and a UUID object costs twice as much.
    time_digits, random = f"{time.time_ns() // 1_000_000:012x}", _random_digits()
    variant = "89ab"[ord(random[3]) & 3]
    return (
        f"{time_digits[:8]}-{time_digits[8:]}-7{random[:3]}-{variant}{random[4:7]}-{random[7:19]}"
    )


@dataclass(slots=True)
class Prediction:
    """One prediction while it runs: what was asked, and what the engine has said so far."""

    question: Question
    message_id: str = field(default_factory=new_id)
    pieces: int = 0  # of the answer so far
    sources: tuple[dict[str, object], ...] = ()
    whole: dict[str, object] | None = None
    usage: Usage | None = None
    has_metadata: bool = False  # the upstream's own was passed on
    failure: Failed | None = None
    is_complete: bool = False
    is_answered: bool = True  # False: the engine said that it has no answer
    finish_reason: str = "stop"  # see Done
    most: int = MAX_TEXT  # characters that are kept
    _joined: list[str] = field(default_factory=list)
    _last: list[str] = field(default_factory=list)  # pieces that are not joined yet
    length: int = 0  # characters of all, kept or not

    @classmethod
    def of(cls, question: Question, answer: InstantAnswer) -> "Prediction":
        """Return a prediction that is over: the answer was there at once."""
        return cls(
            question,
            pieces=1,
            sources=answer.sources,
            is_complete=True,
            is_answered=answer.is_answered,
            _last=[answer.text],
            length=len(answer.text),
        )

    @property
    def is_over(self) -> bool:
        """Whether the last word was said."""
        return self.is_complete or self.failure is not None

    @property
    def chat_id(self) -> str:
        """The conversation's name for the caller."""
        return self.question.chat_id

    @property
    def text(self) -> str:
        """The answer so far."""
        return _clean("".join(self._joined + self._last))

    def note(self, event: Event) -> None:
        """Take in what the engine said."""
        match event:
            case Frame(name="token", text=text) | Token(text):
                self._keep(text)
            case Frame(name="metadata"):
                self.has_metadata = True
            case Sources(documents):
                self.sources = documents
            case Whole(value):
                self.whole = value
                self._keep(event.text)
            case Usage():
                self.usage = event
            case Frame(
                name="usageMetadata",
                data={"input_tokens": int(prompt), "output_tokens": int(completion)},
            ):
                before = self.usage or Usage(0, 0)  # each model of a flow tells its own
                self.usage = Usage(
                    before.prompt_tokens + prompt, before.completion_tokens + completion
                )
            case Failed():
                self.failure, self.is_complete = event, False
            case Done(is_answered, finish_reason):
                self.is_complete, self.is_answered = True, is_answered
                self.finish_reason = finish_reason

    def _keep(self, text: str) -> None:
        self.pieces += 1
        if self.length < self.most:
            self._last.append(text[: self.most - self.length])
            if len(self._last) == JOINED:
                self._joined.append("".join(self._last))
                self._last.clear()
        self.length += len(text)


def _clean(text: str) -> str:
    # Upstreams cut an emoji in two and send each half by itself; no database takes halves or NUL.
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", "\ufffd")


def begin(question: str, chat_id: str) -> Prediction:
    """A new prediction; without a chat id it begins a conversation."""
    return Prediction(Question(question, chat_id or new_chat_id()))


def new_chat_id() -> str:
    """The name of a conversation that begins."""
    return new_id()


def thread_id(chatflow_id: UUID, caller: str, chat_id: str) -> str:
    """A caller's conversation under the name that an upstream knows it by.

    `caller` is the key's id, or empty: two callers with the same chat id never meet there.
    """
    digest = hashlib.sha256(f"{chatflow_id} {caller} {chat_id}".encode()).digest()
    return str(UUID(bytes=digest[:16], version=4))


async def run(prediction: Prediction, engine: Engine) -> AsyncGenerator[Event, None]:
    """The engine's events, noted in the prediction, with a last word in any case."""
    async with aclosing(engine.answer(prediction.question)) as answer:
        async for events in answer:
            for event in events:
                prediction.note(event)
                yield event
            if prediction.is_over:
                return
    prediction.note(BROKEN_OFF)
    yield BROKEN_OFF


async def complete(prediction: Prediction, engine: Engine) -> None:
    """Run to the end without yielding events. A text over MAX_TEXT fails: it would be cut."""
    async with aclosing(engine.answer(prediction.question)) as answer:
        async for events in answer:
            for event in events:
                prediction.note(event)
            if prediction.length > MAX_TEXT and prediction.whole is None:
                prediction.is_complete = False
                prediction.note(TOO_LONG)
            if prediction.is_over:
                return
    prediction.note(BROKEN_OFF)
