"""Subjects: what a route asks `decide` about. Each function raises Refused."""

from accounts.permissions import Permission
from chatflows.gate import verdicts
from chatflows.gate.exchange import Exchange


async def chatflow_of_path(exchange: Exchange, scope: Permission) -> None:
    """Decide about the chatflow whose id is in the path."""
    reader = exchange.parts.reader
    exchange.decided(await verdicts.reach(exchange.request, exchange.chatflow_id, scope, reader))


async def key(exchange: Exchange, scope: Permission) -> None:
    """Decide about the key alone."""
    reader = exchange.parts.reader
    exchange.decided(await verdicts.reach_for_key(exchange.request, scope, reader))
