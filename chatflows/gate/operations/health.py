"""Readiness and metrics of this process."""

import asyncio

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
    if may_watch(exchange.request):  # both at once: each may wait as long as the answer may
        found, details = await asyncio.gather(health.parts(), health.details())
        details["database_is_newer"] = found.is_newer
    else:
        found, details = await health.parts(), {}
    said = {"ready": not found.red, "red": [*found.red], "version": settings.VERSION, **details}
    answer = responses.plain(503 if found.red else 200, JSON, encode(said), NOT_ELSEWHERE)
    await exchange.answer(answer)


async def metrics(exchange: Exchange) -> None:
    """Show the metrics. Raises Refused if they can't be read in time."""
    text = await exchange.parts.health.metrics()
    if not text:
        raise Refused(codes.UNAVAILABLE)
    await exchange.answer(responses.plain(200, exposition.CONTENT_TYPE, text, NOT_ELSEWHERE))
