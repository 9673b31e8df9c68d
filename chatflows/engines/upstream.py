"""One call to an upstream: send it, read the response within limits, name what went wrong."""

import asyncio
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import aiohttp
from django.conf import settings

from accounts.network import connections
from chatflows.access import codes
from chatflows.engines.alarms import Alarm
from chatflows.engines.events import LAST_WORDS, Event, Failed
from chatflows.engines.lines import BOM, Message, TooLong

MAX_ANSWER_BYTES = 32 * 1024 * 1024  # of a stream
MAX_JSON_BYTES = 8 * 1024 * 1024
MAX_ONE_PIECE = 256 * 1024  # bytes of a request's body
PIECE = 16 * 1024  # bytes read at once: while the client reads none, some copies of it are held
MAX_ERROR_BYTES = 64 * 1024
MAX_RETRY_AFTER, DEFAULT_RETRY_AFTER = 3600, 5  # seconds
EVENT_STREAM, JSON = "text/event-stream", "application/json"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for an upstream, in seconds."""

    first_byte: float
    idle: float
    total: float

    @classmethod
    def of_settings(cls) -> "Timeouts":
        """Return the timeouts that the operator set."""
        return cls(
            settings.UPSTREAM_FIRST_BYTE_TIMEOUT,
            settings.UPSTREAM_IDLE_TIMEOUT,
            settings.UPSTREAM_TOTAL_TIMEOUT,
        )


class Fault(Exception):
    """Raised when an upstream fails. `failed` is the event for the caller."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.code.name)
        self.failed = failed


UNREACHABLE = Failed(codes.UPSTREAM_UNREACHABLE)
UNAUTHORIZED = Failed(codes.UPSTREAM_UNAUTHORIZED)
TIMEOUT = Failed(codes.UPSTREAM_TIMEOUT)
CUT = Failed(codes.UPSTREAM_CUT)
INVALID = Failed(codes.UPSTREAM_INVALID)
TOO_LARGE = Failed(codes.UPSTREAM_INVALID, "The engine's answer is too large.")
ERROR = Failed(codes.UPSTREAM_ERROR)
REDIRECTS = Failed(codes.UPSTREAM_ERROR, "The engine redirects, which is not followed.")
UNKNOWN = Failed(codes.UPSTREAM_ERROR, "The engine does not know what the chatflow asks for.")
EMPTY = Failed(codes.UPSTREAM_INVALID, "The engine's answer is empty.")


class UpstreamCall:
    """A request that was sent, and its response. `close` must follow."""

    def __init__(self, response: aiohttp.ClientResponse, timeouts: Timeouts, began: float) -> None:
        self.response = response
        self._timeouts = timeouts
        self._alarm = Alarm()
        self._clock = asyncio.get_running_loop().time
        self._size = 0
        self._end = began + timeouts.total
        self._cutoff = min(began + timeouts.first_byte, self._end)

    @property
    def media_type(self) -> str:
        """The media type that the upstream announces; empty for a compressed body."""
        if self.response.headers.get("Content-Encoding", "identity").lower() != "identity":
            return ""
        return self.response.content_type

    async def read(self) -> bytes:
        """Return the next chunk, or no bytes at the end. Raises Fault."""
        try:
            chunk = await self._alarm.wait(self.response.content.read(PIECE), self._cutoff)
        except (aiohttp.ClientError, ConnectionError):
            raise Fault(CUT) from None
        except TimeoutError:
            raise Fault(TIMEOUT) from None
        now = self._clock()
        self._size += len(chunk)
        if self._size > MAX_ANSWER_BYTES:
            raise Fault(TOO_LARGE)
        if chunk and now >= self._end:
            raise Fault(TIMEOUT)
        self._cutoff = min(now + self._timeouts.idle, self._end)
        return chunk

    async def body(self, limit: int = MAX_JSON_BYTES) -> bytes:
        """Read the whole body, without a byte order mark. Raises Fault."""
        parts: list[bytes] = []
        size = 0
        while chunk := await self.read():
            parts.append(chunk)
            size += len(chunk)
            if size > limit:
                raise Fault(TOO_LARGE)
        return b"".join(parts).removeprefix(BOM)

    def close(self) -> None:
        """Release the connection. It is closed if the body was not read to its end."""
        self._alarm.close()
        self.response.close()


async def call(
    client: aiohttp.ClientSession,
    method: str,
    url: str,
    timeouts: Timeouts,
    *,
    secret: str = "",
    headers: Mapping[str, str] | None = None,
    body: bytes | aiohttp.FormData | None = None,
) -> UpstreamCall:
    """Send a request with the chatflow's own key, and return with the response's head.

    Raises Fault."""
    began = asyncio.get_running_loop().time()
    head = {**(headers or {}), **({"Authorization": f"Bearer {secret}"} if secret else {})}
    # A small body is sent in one piece. aiohttp reads a large one in a thread, which costs a hop.
    is_large = isinstance(body, bytes) and len(body) > MAX_ONE_PIECE
    data = io.BytesIO(body) if isinstance(body, bytes) and is_large else body
    try:
        async with asyncio.timeout(timeouts.first_byte):
            response = await connections.request(client, method, url, headers=head, data=data)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # Only our own timeout is a bare TimeoutError. A filtered connection raises a subclass.
        raise Fault(TIMEOUT if type(error) is TimeoutError else UNREACHABLE) from None
    return UpstreamCall(response, timeouts, began)


def events_of(
    messages: Iterator[Message], of_message: Callable[[Message], Sequence[Event]]
) -> list[Event]:
    """Return what an upstream's messages say, up to the end of the answer.

    `of_message` reads one and may raise Fault.
    """
    events: list[Event] = []
    try:
        for message in messages:
            events += of_message(message)
            if are_over(events):
                break
    except TooLong:
        events.append(TOO_LARGE)
    except Fault as fault:
        events.append(fault.failed)
    return events


def are_over(events: Sequence[Event]) -> bool:
    """Whether the last of these events ends the answer."""
    return bool(events) and isinstance(events[-1], LAST_WORDS)


def fault_of(response: aiohttp.ClientResponse) -> Failed:
    """Return the failure to report for an upstream's error status."""
    return replace(_failed_of(response), upstream_status=response.status)


def _failed_of(response: aiohttp.ClientResponse) -> Failed:
    status = response.status
    if status in (401, 403):
        return UNAUTHORIZED
    if status == 429:
        return _rate_limited(response.headers.get("Retry-After", ""))
    if 300 <= status < 400:
        return REDIRECTS
    return UNKNOWN if status == 404 else ERROR


def load(body: bytes) -> Any:
    """Read JSON. Raises Fault."""
    try:
        return _DECODER.decode(body.decode())
    except (ValueError, RecursionError):
        raise Fault(INVALID) from None


def load_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object. Raises Fault."""
    value = load(body)
    if not isinstance(value, dict):
        raise Fault(INVALID)
    return value


def _rate_limited(header: str) -> Failed:
    seconds = int(header) if header.isascii() and header.isdigit() and len(header) < 9 else 0
    wait = min(seconds, MAX_RETRY_AFTER) or DEFAULT_RETRY_AFTER
    detail = f"The engine is over its own limit. Try again in {wait} seconds."
    return Failed(codes.UPSTREAM_RATE_LIMITED, detail, retry_after=wait)


def _no_constant(_: str) -> NoReturn:
    raise ValueError


_DECODER = json.JSONDecoder(parse_constant=_no_constant)  # made once: each frame needs it
