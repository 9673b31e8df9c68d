"""What goes into an engine and what comes out."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, Protocol, runtime_checkable

from chatflows.access.codes import Code

NO_FIELDS: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class File:
    """A file that came with a question."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PastTurn:
    """An earlier question of the same conversation, and its answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a conversation that the caller keeps: its role is OpenAI's."""

    role: str
    text: str


class Question(NamedTuple):
    """One question of one caller.

    `chat_id` names the conversation for the caller, `thread_id` for an upstream: it is unique to
    chatflow and caller, so nobody reaches another's conversation there. `aliases` holds all names
    that go upstream with those that the caller knows, to put them back in the answer.
    """

    text: str
    chat_id: str
    thread_id: str = ""
    aliases: tuple[tuple[str, str], ...] = ()
    is_streaming: bool = False
    # What else of Flowise's IncomingInput may go upstream; filtered already.
    fields: Mapping[str, object] = NO_FIELDS
    files: tuple[File, ...] = ()
    history: tuple[PastTurn, ...] = ()
    # The whole conversation, the question in it, where the caller sends it along each time.
    messages: tuple[ChatMessage, ...] = ()


class Token(NamedTuple):
    """A piece of the answer; the pieces joined are the whole text."""

    text: str


class Sources(NamedTuple):
    """Where the answer comes from, in Flowise's form."""

    documents: tuple[dict[str, object], ...]


class Done(NamedTuple):
    """The answer is whole. `is_answered` is False where it only says that there is none."""

    is_answered: bool = True


@dataclass(frozen=True, slots=True)
class Failed:
    """The engine could not answer. `sentence` replaces the code's unless it is empty.

    `is_told`: the caller has it already, from the upstream's own words. `retry_after` in seconds.
    """

    code: Code
    sentence: str = ""
    retry_after: int | None = None
    is_told: bool = False

    @property
    def detail(self) -> str:
        """What the caller is told."""
        return self.sentence or self.code.sentence


@dataclass(slots=True)  # frozen, it takes three times as long to make
class Frame:
    """An event of a Flowise server, passed on as it came; tokens that came together are one."""

    name: str
    raw: bytes  # as a client reads it from the wire, to the empty line at its end
    text: str = ""  # of tokens, or of an error
    data: object = None  # of any other


@dataclass(frozen=True, slots=True)
class Whole:
    """The JSON answer of a Flowise server that did not stream."""

    value: dict[str, object]


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Nothing new, but the upstream is still at it."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that a model counted."""

    prompt_tokens: int
    completion_tokens: int


Event = Token | Sources | Done | Failed | Frame | Whole | Heartbeat | Usage


LAST_WORDS = (Done, Failed)  # what ends an answer; a tuple: it is looked for at each event

Events = Sequence[Event]  # what came together and can leave together; never empty


class Engine(Protocol):
    """Answers questions. The last event is always Done or Failed."""

    def answer(self, question: Question) -> AsyncGenerator[Events, None]:
        """Yield the events of one answer as they come."""


@runtime_checkable
class RememberingEngine(Engine, Protocol):
    """An engine that is shown earlier turns."""

    @property
    def memory_turns(self) -> int:
        """How many of them; 0 for none."""


@runtime_checkable
class AbortableEngine(Engine, Protocol):
    """An engine whose upstream can be told to stop."""

    async def abort(self, thread_id: str) -> None:
        """Ask the upstream to stop a run. Never fails."""


@runtime_checkable
class UpstreamEngine(Engine, Protocol):
    """An engine that asks a server."""

    async def test_connection(self) -> tuple[bool, str]:
        """Whether the upstream answers, and a sentence that quotes no secret."""


@runtime_checkable
class ListingEngine(Engine, Protocol):
    """An engine whose upstream lists what it has."""

    async def list_models(self) -> tuple[list[str], str]:
        """The names of the upstream's models, and why there are none."""
