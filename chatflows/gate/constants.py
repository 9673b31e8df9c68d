"""Handlers with constant answers, which read no database and depend on no request."""

from collections.abc import Awaitable, Callable

from django.conf import settings

from chatflows.gate import responses
from chatflows.gate.cors import ANYWHERE, NOT_ELSEWHERE
from chatflows.gate.exchange import Exchange
from chatflows.gate.responses import Answer
from chatflows.protocols.client import PLAIN


def _constant(answer: Answer) -> Callable[[Exchange], Awaitable[None]]:
    async def show(exchange: Exchange) -> None:
        await exchange.answer(answer)

    return show


streaming_probe = _constant(responses.json_answer({"isStreaming": True}, ANYWHERE))
ping = _constant(responses.plain(200, PLAIN, b"pong", ANYWHERE))
version = _constant(responses.json_answer({"version": settings.FLOWISE_VERSION}, ANYWHERE))
livez = _constant(responses.plain(200, PLAIN, b"ok\n", NOT_ELSEWHERE))
