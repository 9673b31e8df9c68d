"""Handlers with constant answers, which read no database and depend on no request."""

from collections.abc import Awaitable, Callable

from django.conf import settings

from chatflows.gate import responses
from chatflows.gate.exchange import Exchange
from chatflows.gate.responses import ANY_ORIGIN, Answer
from chatflows.protocols.client import PLAIN

PREFLIGHT = Answer(
    204,
    [
        (b"access-control-allow-origin", b"*"),
        (b"access-control-allow-methods", b"GET, POST, PUT, DELETE, OPTIONS"),
        (b"access-control-allow-headers", b"authorization, content-type, accept, x-request-id"),
        (b"access-control-max-age", b"600"),
        (b"cache-control", b"no-store"),
    ],
    b"",
)


def _constant(answer: Answer) -> Callable[[Exchange], Awaitable[None]]:
    async def show(exchange: Exchange) -> None:
        await exchange.answer(answer)

    return show


preflight = _constant(PREFLIGHT)
streaming_probe = _constant(responses.json_answer({"isStreaming": True}, [ANY_ORIGIN]))
ping = _constant(responses.plain(200, PLAIN, b"pong", [ANY_ORIGIN]))
version = _constant(responses.json_answer({"version": settings.FLOWISE_VERSION}, [ANY_ORIGIN]))
livez = _constant(responses.plain(200, PLAIN, b"ok\n"))
