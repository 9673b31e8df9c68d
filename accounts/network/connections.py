"""Connections: the one way out. Each checks the address that it really connects to.

aiohttp takes 20 MiB: only what is about to make a connection imports this.
"""

import select
import socket
from time import monotonic
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.resolver import ThreadedResolver

from accounts.network.egress import check_address

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ConnectionKey
    from aiohttp.tracing import Trace

CONNECT_WITHIN = 10.0  # seconds, TLS included
KEEP_ALIVE = 4.0  # seconds; Node lets go after 5, and a reused connection must not be a dead one
# What a server may send ahead of a reader, in bytes. aiohttp stops to read at twice its buffer, and
# what the system has by then comes on top.
READ_BUFFER, RECEIVE_BUFFER = 8 * 1024, 32 * 1024
REST = 0.25  # seconds that a connection is idle before it is used again
DISTRUST = 600.0  # seconds in which no connection to a server is used again
MAX_DISTRUSTED = 1000  # servers
HEAD_LINE, HEAD_FIELDS = 8190, 100  # bytes a line or field of a response's head, and their number


def session() -> aiohttp.ClientSession:
    """A client session without cookies, proxies or decompression; needs a running loop."""
    connector = _Connector(
        limit=0,  # the gate bounds its streams
        resolver=_CheckedResolver(),
        socket_factory=_socket,
        keepalive_timeout=KEEP_ALIVE,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        headers={"User-Agent": "Flowlatch", "Accept-Encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_WITHIN),
        read_bufsize=READ_BUFFER,
        max_line_size=HEAD_LINE,
        max_field_size=HEAD_LINE,
        max_headers=HEAD_FIELDS,
    )


async def request(
    client: aiohttp.ClientSession, method: str, url: str, **options: Any
) -> aiohttp.ClientResponse:
    """Send a request and wait for the response's head. A redirect is an answer like any other.

    Raises aiohttp.ClientError where the upstream is not there, not allowed, or speaks no HTTP.
    """
    return await client.request(method, url, allow_redirects=False, **options)


class _Connector(aiohttp.TCPConnector):
    """Uses a connection again only if its server has certainly not closed it.

    A server may close a connection behind a response without saying so. A request on it is then
    lost. It can't be sent again: once its bytes were written, nobody can know whether the server
    ran it, and a question must not run twice (RFC 9110, 9.2.2; aiohttp retries GET and the like
    only). So a doubtful connection is never written to, and a fresh one is opened in its place:

    - It rests first. A server that closes behind a response does so at once, so the news of it
      arrives in that time.
    - The system is asked whether there is anything to read. An idle server has nothing to say but
      that it closes. The event loop may not have heard of it yet.
    - A server that closed a connection in this way once is likely to do it again, and the rest may
      be too short for it. For a while each question gets a connection of its own there.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._distrusted: dict[ConnectionKey, float] = {}  # until when

    async def _get(self, key: "ConnectionKey", traces: "list[Trace]") -> Connection | None:
        held, now = self._conns.get(key), monotonic()
        if held is None:
            return None
        oldest, since = held[0]  # the one that would be used
        is_young = now - since <= KEEP_ALIVE
        if is_young and (_has_news(oldest) or not all(each.is_connected() for each, _ in held)):
            if len(self._distrusted) >= MAX_DISTRUSTED:
                self._distrusted.clear()
            self._distrusted[key] = now + DISTRUST
        if self._distrusted.get(key, 0) > now:
            for each, _ in held:
                each.close()
            del self._conns[key]
            return None
        if since > now - REST:
            return None
        return await super()._get(key, traces)


def _has_news(protocol: ResponseHandler) -> bool:
    """Whether something can be read from an idle connection, or it was closed."""
    transport = protocol.transport
    place = transport.get_extra_info("socket") if transport is not None else None
    number = place.fileno() if place is not None else -1
    if number < 0:
        return True
    poll = select.poll()
    poll.register(number, select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))


def _socket(info: tuple[Any, ...]) -> socket.socket:
    """The socket of one connection; `info` is what getaddrinfo gives, so this is where it goes."""
    family, kind, protocol, _, place = info
    check_address(str(place[0]))
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    return made


class _CheckedResolver(AbstractResolver):
    """A name with one address that is not allowed is refused whole."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        for each in found:
            check_address(each["host"])
        return found

    async def close(self) -> None:
        await self._resolver.close()
