"""A request to the gate: its head, and its body read within limits."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from django.conf import settings

from accounts.network import addresses
from chatflows.access import codes
from chatflows.access.codes import Refused
from chatflows.engines.alarms import Alarm
from chatflows.gate.large_bodies import LARGE, large_bodies
from chatflows.protocols import media_types

ASGIMessage = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[ASGIMessage]]
Send = Callable[[ASGIMessage], Awaitable[None]]
Scope = MutableMapping[str, Any]

MAX_PAGE_BYTES = 1280 * 1024  # of a page's form: an import of 1 MiB and what surrounds it
MAX_STRANGER_BYTES = 64 * 1024  # of a page's form without any cookie
BODY_WITHIN = 30  # seconds to read a body in,
SLOWEST = 64 * 1024  # and one more for each so many bytes that came
BLANKS = b" \t"  # around a field's value they are no part of it (RFC 9110, 5.5)


class Gone(Exception):
    """The client closed the connection."""


class GateRequest:
    """What handlers look at; nothing of it is trusted, and no header but those named is read."""

    def __init__(self, scope: Scope, receive: Receive, request_id: str) -> None:
        self.id = request_id
        self.method: str = scope["method"]
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.query: bytes = scope["query_string"]
        self._client = scope.get("client")
        self._receive = receive
        self._firsts: dict[bytes, bytes] = dict(reversed(self.headers))  # of each name
        self._address: str | None = None
        self._held = 0  # bytes of the body that count among the process's

    def all(self, name: bytes) -> Iterator[bytes]:
        """Every value of a header, in order; `name` in lower case."""
        return (value.strip(BLANKS) for header, value in self.headers if header == name)

    def first(self, name: bytes) -> bytes:
        """Return a header's first value, or nothing."""
        return self._firsts.get(name, b"").strip(BLANKS)

    @property
    def accept(self) -> bytes:
        """What the client wants back."""
        return self.first(b"accept")

    @property
    def user_agent(self) -> bytes:
        """What the client calls itself."""
        return self._firsts.get(b"user-agent", b"")

    @property
    def origins(self) -> tuple[str, ...]:
        """Every Origin header as sent."""
        if b"origin" not in self._firsts:
            return ()
        return tuple([value.decode("latin-1") for value in self.all(b"origin")])

    @property
    def peer(self) -> str:
        """The address that connected: the client's or a proxy's."""
        return self._client[0] if self._client else ""

    @property
    def address(self) -> str:
        """The client's network address."""
        if self._address is None:
            peer = self.peer
            if b"x-forwarded-for" in self._firsts:
                forwarded = [value.decode("latin-1") for value in self.all(b"x-forwarded-for")]
                proxies = settings.TRUSTED_PROXIES
                self._address = addresses.client_address(peer, forwarded, proxies)
            else:
                self._address = addresses.direct_address(peer)
        return self._address

    @property
    def is_plain_json(self) -> bool:
        """Whether the body claims to be uncompressed JSON in UTF-8. Raises Refused."""
        stated = self.content_type
        return self.is_plain and (stated == b"application/json" or media_types.is_json(stated))

    @property
    def is_plain(self) -> bool:
        """Whether the body claims not to be compressed."""
        if b"content-encoding" not in self._firsts:
            return True
        stated = self.all(b"content-encoding")
        return all(value.strip().lower() in (b"", b"identity") for value in stated)

    @property
    def content_type(self) -> bytes:
        """The Content-Type. Raises Refused for two: they may contradict each other."""
        is_any_twice = len(self._firsts) < len(self.headers)
        if is_any_twice and len([*self.all(b"content-type")]) > 1:
            raise Refused(codes.INVALID_BODY, "Send one Content-Type.")
        return self.first(b"content-type")

    def check_length(self, limit: int) -> int:
        """Return the length that the body announces, 0 for none. Raises Refused over `limit`."""
        announced = self.first(b"content-length")
        length = int(announced[:20]) if announced.isdigit() else 0
        if length > limit:
            raise Refused(codes.TOO_LARGE, closes=True)
        return length

    async def body(self, limit: int, *, is_stranger: bool = False) -> bytes | bytearray:
        """Return the whole body; a large one counts among the process's bytes until `let_go`.

        Raises Refused for a body that is too large or too slow, or where there is no room for it
        (before reading, if its length is announced), and Gone.
        """
        announced = self.check_length(limit)
        if announced > LARGE:
            large_bodies.check(announced, is_stranger=is_stranger)
        body: bytes | bytearray = b""
        size = 0
        alarm = Alarm()
        latest = asyncio.get_running_loop().time() + BODY_WITHIN
        try:
            while True:
                message = await alarm.wait(self._receive(), latest + size / SLOWEST)
                if message["type"] == "http.disconnect":
                    raise Gone
                piece = message.get("body", b"")
                size += len(piece)
                if size > limit:
                    raise Refused(codes.TOO_LARGE, closes=True)
                if size > LARGE:
                    self._hold(size, is_stranger=is_stranger)
                if not body:
                    body = piece
                else:  # grown in place: pieces that are joined at the end would be held twice
                    body = body if isinstance(body, bytearray) else bytearray(body)
                    body += piece
                if not message.get("more_body"):
                    return body
        except TimeoutError:
            raise Refused(codes.REQUEST_TIMEOUT, closes=True) from None
        finally:
            alarm.close()

    def let_go(self) -> None:
        """The body is needed no longer."""
        large_bodies.give(self._held)
        self._held = 0

    def _hold(self, size: int, *, is_stranger: bool) -> None:
        large_bodies.take(size - self._held, is_stranger=is_stranger)
        self._held = size

    async def gone(self) -> None:
        """Return when the client has closed the connection; ask only after the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


def limited(receive: Receive, limit: int) -> Receive:
    """Bound what Django receives. Raises Refused while a body is read that is too large or slow."""
    size = 0
    is_whole = False
    deadline = asyncio.get_running_loop().time() + BODY_WITHIN

    async def limited_receive() -> ASGIMessage:
        nonlocal size, is_whole
        if is_whole:
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise Refused(codes.REQUEST_TIMEOUT, closes=True) from None
        size += len(message.get("body", b""))
        if size > limit:
            raise Refused(codes.TOO_LARGE, closes=True)
        is_whole = not message.get("more_body")
        return message

    return limited_receive
