"""Connections: the one way out. Each checks the address that it really connects to.

aiohttp takes 20 MiB: only what is about to make a connection imports this.
"""

import socket
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from accounts.network.egress import check_address

CONNECT_WITHIN = 10.0  # seconds, TLS included
KEEP_ALIVE = 4.0  # seconds; Node lets go after 5, and a reused connection must not be a dead one
HEAD_LINE, HEAD_FIELDS = 8190, 100  # bytes a line or field of a response's head, and their number


def session() -> aiohttp.ClientSession:
    """A client session without cookies, proxies or decompression; needs a running loop."""
    connector = aiohttp.TCPConnector(
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
        read_bufsize=2**16,
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


def _socket(info: tuple[Any, ...]) -> socket.socket:
    """The socket of one connection; `info` is what getaddrinfo gives, so this is where it goes."""
    family, kind, protocol, _, place = info
    check_address(str(place[0]))
    return socket.socket(family, kind, protocol)


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
