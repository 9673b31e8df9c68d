"""Events: the questions that engines take, and the events that they yield."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, Protocol, runtime_checkable

from chatflows.access.codes import Code
from chatflows.encoding import encode

NO_FIELDS: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class File:
    """A file that came with a question."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PastTurn:
    """An earlier question of a conversation with its answer, as an engine is shown it."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a conversation that the caller keeps. The roles are OpenAI's."""

    role: str
    text: str


class Question(NamedTuple):
    """One question of one caller.

    `chat_id` names the conversation for the caller, `thread_id` names it for an upstream. The
    latter is unique to chatflow and caller, so nobody reaches another's conversation there.
    `session_id` is the caller's other name for it, where one was sent. `aliases` pairs each name
    that goes upstream with the caller's own, which replaces it in the answer.
    """

    text: str
    chat_id: str
    thread_id: str = ""
    aliases: tuple[tuple[str, str], ...] = ()
    is_streaming: bool = False
    session_id: str = ""
    # The other fields of Flowise's IncomingInput that may go upstream, already filtered.
    fields: Mapping[str, object] = NO_FIELDS
    files: tuple[File, ...] = ()
    history: tuple[PastTurn, ...] = ()
    # The whole conversation with the question in it, if the caller sends it with each question.
    messages: tuple[ChatMessage, ...] = ()


class Token(NamedTuple):
    """A piece of the answer. All pieces joined are the whole text."""

    text: str


class Sources(NamedTuple):
    """The documents that the answer comes from, in Flowise's form."""

    documents: tuple[dict[str, object], ...]


class Done(NamedTuple):
    """The end of a whole answer. `is_answered` is False if it only says that there is no answer.

    `finish_reason` is OpenAI's: `length` or `content_filter` if the upstream cut the answer.
    """

    is_answered: bool = True
    finish_reason: str = "stop"


@dataclass(frozen=True, slots=True)
class Failed:
    """The end of an answer that failed. `sentence` replaces the code's unless it is empty.

    `is_told`: the upstream's own error was passed on already. `retry_after` is in seconds.
    `upstream_status` is the HTTP status with which the upstream refused, if it did.
    """

    code: Code
    sentence: str = ""
    retry_after: int | None = None
    is_told: bool = False
    upstream_status: int | None = None

    @property
    def detail(self) -> str:
        """The sentence that the caller is told."""
        return self.sentence or self.code.sentence


@dataclass(slots=True)  # frozen, it takes three times as long to make
class Frame:
    """An event of a Flowise server, passed on as it came. Tokens that come together are one."""

    name: str
    raw: bytes  # as a client reads it, with the empty line at its end
    text: str = ""  # of tokens, or of an error
    data: object = None  # of any other


@dataclass(frozen=True, slots=True)
class Whole:
    """The JSON answer of a Flowise server that did not stream."""

    value: dict[str, object]

    @property
    def text(self) -> str:
        """The answer's text. Structured output, in `json` or in place of the text, is JSON."""
        said, structured = self.value.get("text"), self.value.get("json")
        if isinstance(said, str) and (said.strip() or structured is None):
            return said
        found = said if structured is None else structured
        return "" if found is None else encode(found).decode()


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A silence. No engine yields it: whoever sends an answer on makes it."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that a model counted."""

    prompt_tokens: int
    completion_tokens: int


Event = Token | Sources | Done | Failed | Frame | Whole | Heartbeat | Usage


LAST_WORDS = (Done, Failed)  # they end an answer; a tuple, since isinstance asks for one

# Events that came together and can be sent together; never empty. Who gets them may empty the list:
# what an engine said is not to be held while a client is slow to take it.
Events = list[Event]


class Engine(Protocol):
    """Answers questions. The last event is always Done or Failed."""

    def answer(self, question: Question) -> AsyncGenerator[Events, None]:
        """Yield the events of one answer as they come."""


class InstantAnswer(NamedTuple):
    """A whole answer that was there at once."""

    text: str
    sources: tuple[dict[str, object], ...] = ()
    is_answered: bool = True  # False where it only says that there is none


class InstantEngine(Engine, Protocol):
    """An engine whose answer comes from this process and is over at once."""

    def answer_now(self, question: Question) -> InstantAnswer:
        """Return the answer."""


@runtime_checkable
class RememberingEngine(Engine, Protocol):
    """An engine that is shown the earlier turns of a conversation."""

    @property
    def memory_turns(self) -> int:
        """The largest number of turns that it is shown."""


@runtime_checkable
class AbortableEngine(Engine, Protocol):
    """An engine whose upstream can be told to stop."""

    async def abort(self, thread_id: str) -> None:
        """Ask the upstream to stop a run. Never fails."""


@runtime_checkable
class UpstreamEngine(Engine, Protocol):
    """An engine that asks a server."""

    async def test_connection(self) -> tuple[bool, str]:
        """Return whether the upstream answers, and a sentence that quotes no secret."""


@runtime_checkable
class ListingEngine(Engine, Protocol):
    """An engine whose upstream lists its models."""

    async def list_models(self) -> tuple[list[str], str]:
        """Return the names of the upstream's models, or none and the reason."""
