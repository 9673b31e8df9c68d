"""Sources: what engines are made from, and the protocol that reads it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol
from uuid import UUID

if TYPE_CHECKING:
    import aiohttp


@dataclass(frozen=True, slots=True)
class Entry:
    """A question and its answer."""

    question: str
    answer: str


class EngineRef(NamedTuple):
    """The kind of a chatflow's engine, and the version of what it answers from."""

    name: str
    version: int


@dataclass(frozen=True, slots=True)
class EngineSource:
    """All that an engine is made from. `secret` is encrypted; `key_version` names the key."""

    team_id: UUID
    engine: str
    config: dict[str, Any]
    fallback: str
    entries: tuple[Entry, ...]
    secret_origin: str = ""
    secret: bytes = field(default=b"", repr=False)
    key_version: int = 0

    @classmethod
    def of_row(cls, row: tuple[Any, ...], entries: Iterable[tuple[str, str]]) -> "EngineSource":
        """Make a source from a row: a chatflow joined with its secret, which may be NULL.

        The columns are team_id, engine, engine_config, fallback, origin, ciphertext, key_version.
        """
        team_id, engine, config, fallback, origin, secret, version = row
        return cls(
            team_id=team_id,
            engine=engine,
            config=config,
            fallback=fallback,
            entries=tuple(Entry(question, answer) for question, answer in entries),
            secret_origin=origin or "",
            secret=bytes(secret or b""),
            key_version=int(version or 0),
        )


class EngineSources(Protocol):
    """Reads what engines are made from, from the database."""

    async def engine_source(self, chatflow_id: UUID) -> EngineSource:
        """Read what a chatflow's engine is made from. Raises Unavailable, also for no chatflow."""


def _no_connection() -> NoReturn:
    raise AssertionError("this engine was made without a way to an upstream")


@dataclass(frozen=True, slots=True)
class Materials:
    """What a kind's `make` gets beside the config: entries, a secret, a client for upstreams."""

    entries: tuple[Entry, ...] = ()
    fallback: str = ""
    secret: str = field(default="", repr=False)
    connect: "Callable[[], aiohttp.ClientSession]" = _no_connection
