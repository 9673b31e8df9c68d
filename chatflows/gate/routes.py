"""The one route table of the gate: it routes, names each handler, and carries each policy."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from urllib.parse import unquote_to_bytes
from uuid import UUID

from accounts.permissions import Permission
from chatflows.gate import constants, subjects
from chatflows.gate.exchange import Exchange
from chatflows.gate.flowise import aborts, chatbot_configs, predictions
from chatflows.gate.openai import completions, models
from chatflows.gate.operations import health


class Family(Enum):
    """Whose form a route speaks; operations are under no CORS."""

    FLOWISE = "flowise"
    OPENAI = "openai"
    OPERATIONS = "operations"


Handler = Callable[[Exchange], Awaitable[None]]
Subject = Callable[[Exchange, Permission], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Asks:
    """The policy of a route that asks `decide`: with which scope, and about what.

    The handler runs only if the call was let in.
    """

    scope: Permission
    about: Subject = subjects.chatflow_of_path


@dataclass(frozen=True, slots=True)
class Open:
    """The policy of a route that asks nothing, and why that is safe."""

    because: str


@dataclass(frozen=True, slots=True)
class Watchers:
    """The policy of a route for those who run the server (operations/watchers.py).

    Others meet what they would meet at an address where nothing is.
    """


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path; `{id}` is the chatflow's id, `{chatId}` a conversation's.

    A route of GET takes HEAD too: the server leaves the body out, and all else is the same.
    """

    method: str
    path: str
    handler: Handler
    policy: Asks | Open | Watchers
    family: Family = Family.FLOWISE
    is_recorded: bool = False  # whether its calls are recorded: those that run an engine are

    def __post_init__(self) -> None:
        # A route whose policy is none of these would be let in unasked, so it stops the start.
        if not isinstance(self.policy, Asks | Open | Watchers):
            raise TypeError(f"{self.method} {self.path} has no policy")


@dataclass(frozen=True, slots=True)
class Match:
    """What the table says of a path: its routes by method, and the chatflow's id if it has one."""

    routes: Mapping[str, Route]
    chatflow_id: UUID | None
    chat_id: str = ""
    is_hidden: bool = False  # from all who don't run the server

    @property
    def is_api(self) -> bool:
        """Whether the path belongs to the API (operations like /livez don't)."""
        return self.family is not Family.OPERATIONS

    @property
    def family(self) -> Family:
        """Whose form is spoken there."""
        return next(iter(self.routes.values())).family


_PREDICTS = Asks(Permission.PREDICTIONS_CREATE)
_CONSTANT = Open("a constant: it reads no database and tells nothing about any chatflow")
ROUTES = (
    Route("POST", "/api/v1/prediction/{id}", predictions.create, _PREDICTS, is_recorded=True),
    Route("GET", "/api/v1/public-chatbotConfig/{id}", chatbot_configs.show, _PREDICTS),
    Route("PUT", "/api/v1/chatmessage/abort/{id}/{chatId}", aborts.create, _PREDICTS),
    Route("GET", "/api/v1/chatflows-streaming/{id}", constants.streaming_probe, _CONSTANT),
    Route("GET", "/api/v1/ping", constants.ping, _CONSTANT),
    Route("GET", "/api/v1/version", constants.version, _CONSTANT),
    Route(
        "GET",
        "/v1/models",
        models.show_all,
        Asks(Permission.PREDICTIONS_CREATE, subjects.key),
        Family.OPENAI,
    ),
    Route(
        "GET",
        "/v1/models/{id}",
        models.show,
        Asks(Permission.PREDICTIONS_CREATE, subjects.key),
        Family.OPENAI,
    ),
    Route(
        "POST",
        "/v1/chat/completions",
        completions.create,
        Asks(Permission.PREDICTIONS_CREATE, completions.chatflow_of_model),
        Family.OPENAI,
        is_recorded=True,
    ),
    Route(
        "GET",
        "/livez",
        constants.livez,
        Open("says only that the process runs"),
        Family.OPERATIONS,
    ),
    Route(
        "GET",
        "/readyz",
        health.readyz,
        Open("names the parts of the server that are missing, and the version"),
        Family.OPERATIONS,
    ),
    Route("GET", "/metrics", health.metrics, Watchers(), Family.OPERATIONS),
)
# Exactly as sent: lower case, no decoding, no folding of slashes, no trailing one.
_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# A conversation's id is the caller's own text: any one segment, decoded once.
_CHAT_ID = re.compile(rb"[!\"$-.0-9:->@-~]{1,765}")


def _by_path(routes: tuple[Route, ...]) -> dict[bytes, dict[str, Route]]:
    table: dict[bytes, dict[str, Route]] = {}
    for route in routes:
        at_path = table.setdefault(route.path.partition("{id}")[0].encode(), {})
        at_path[route.method] = route
        if route.method == "GET":
            at_path["HEAD"] = route
    return table


_WITH_CHAT = _by_path(tuple(route for route in ROUTES if route.path.endswith("{chatId}")))
_TABLE = _by_path(tuple(route for route in ROUTES if not route.path.endswith("{chatId}")))
_HIDDEN = {route.path.encode() for route in ROUTES if isinstance(route.policy, Watchers)}
_TAKES_ID = {path for path in _TABLE if path.endswith(b"/")}


def family_of(path: str) -> Family | None:
    """Return whose form is spoken at a path that the table lacks; None for a page's."""
    path = path.lower()
    if path.startswith("/v1/"):
        return Family.OPENAI
    return Family.FLOWISE if path.startswith("/api/v1/") else None


def match(raw_path: bytes) -> Match | None:
    """The routes of a raw path (as it came, undecoded), or None: then it is not the gate's."""
    routes = _TABLE.get(raw_path)
    if routes is not None and raw_path not in _TAKES_ID:
        return Match(routes, None, is_hidden=raw_path in _HIDDEN)
    start = raw_path.rfind(b"/") + 1
    prefix, tail = raw_path[:start], raw_path[start:]
    if prefix in _TAKES_ID and _UUID.fullmatch(tail) is not None:
        return _match_id(prefix, tail)
    return _match_chat(raw_path[: start - 1], tail) if start else None


@lru_cache(maxsize=1024)  # of well-formed paths alone: the same few come again and again
def _match_id(prefix: bytes, tail: bytes) -> Match:
    return Match(_TABLE[prefix], UUID(tail.decode("ascii")))


def _match_chat(head: bytes, tail: bytes) -> Match | None:
    start = head.rfind(b"/") + 1
    prefix, flow = head[:start], head[start:]
    if prefix not in _WITH_CHAT or _UUID.fullmatch(flow) is None or not _CHAT_ID.fullmatch(tail):
        return None
    try:
        chat_id = unquote_to_bytes(tail).decode()
    except UnicodeDecodeError:
        return None
    return Match(_WITH_CHAT[prefix], UUID(flow.decode("ascii")), chat_id)
