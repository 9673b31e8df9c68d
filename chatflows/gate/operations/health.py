"""Readiness and metrics of this process."""

from django.conf import settings

from chatflows.access import codes
from chatflows.access.codes import Refused
from chatflows.encoding import encode
from chatflows.gate import responses
from chatflows.gate.cors import NOT_ELSEWHERE
from chatflows.gate.exchange import Exchange
from chatflows.gate.operations.watchers import may_watch
from chatflows.health import exposition
from chatflows.protocols.client import JSON


async def readyz(exchange: Exchange) -> None:
    """Say whether this process can serve, and which parts are missing if not."""
    health = exchange.parts.health
    found = await health.parts()
    said = {"ready": not found.red, "red": [*found.red], "version": settings.VERSION}
    if may_watch(exchange.request):
        said |= {"database_is_newer": found.is_newer, **await health.details()}
    answer = responses.plain(503 if found.red else 200, JSON, encode(said), NOT_ELSEWHERE)
    await exchange.answer(answer)


async def metrics(exchange: Exchange) -> None:
    """Show the metrics. Raises Refused if they can't be read in time."""
    text = await exchange.parts.health.metrics()
    if not text:
        raise Refused(codes.UNAVAILABLE)
    await exchange.answer(responses.plain(200, exposition.CONTENT_TYPE, text, NOT_ELSEWHERE))
