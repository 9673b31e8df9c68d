"""Servers: read the flows and keys of a Flowise that runs, through its own API."""

from typing import Any
from urllib.parse import urlsplit

from asgiref.sync import async_to_sync

from accounts.network import egress
from accounts.network.egress import InvalidUrl
from chatflows.engines.clients import LazyClient
from chatflows.services.flowise_imports import sources
from chatflows.services.flowise_imports.sources import Source, Unreadable

PAGE = 20  # flows asked for at once: each comes with its canvas
MOST_PAGES = 5000
WITHIN = 60.0  # seconds for one answer
LISTS = ("chatflows", "apikey")


def read(url: str, key: str) -> Source:
    """Read from an address, with a key of that Flowise that may see flows and keys.

    It goes by the same guard as an engine's server. Raises Unreadable.
    """
    if urlsplit(url).username or urlsplit(url).password:
        raise Unreadable("Leave user and password out of the address.")
    try:
        base = egress.check_url(url)
    except InvalidUrl as error:
        raise Unreadable(str(error)) from None
    flows, keys = async_to_sync(_both)(base.removesuffix("/api/v1"), key)
    found, left_out = sources.flows_of(flows)
    return Source(sources.keys_of(keys), found, url=base, left_out=left_out)


async def _both(base: str, key: str) -> list[list[dict[str, Any]]]:
    client = LazyClient()
    try:
        return [await _all(client, f"{base}/api/v1/{name}", key) for name in LISTS]
    finally:
        await client.close()


async def _all(client: LazyClient, url: str, key: str) -> list[dict[str, Any]]:
    """Return the rows of a list. Releases before 3.0.6 know no pages and send all at once."""
    found: dict[str, dict[str, Any]] = {}
    for page in range(1, MOST_PAGES):
        rows = await _rows(client, f"{url}?page={page}&limit={PAGE}", key)
        fresh = {str(row.get("id")): row for row in rows if str(row.get("id")) not in found}
        found |= fresh
        if len(rows) != PAGE or not fresh:
            break
    return list(found.values())


async def _rows(client: LazyClient, url: str, key: str) -> list[dict[str, Any]]:
    from chatflows.engines import upstream  # noqa: PLC0415 (it brings aiohttp)

    timeouts = upstream.Timeouts(WITHIN, WITHIN, WITHIN)
    try:
        call = await upstream.call(client.open(), "GET", url, timeouts, secret=key)
        try:
            status = call.response.status
            if status in (401, 403):
                raise Unreadable(
                    f"That Flowise refuses the key ({status}). FLOWISE_API_KEY has to be one of "
                    "its keys with apikeys:view and chatflows:view."
                )
            if status != 200:
                raise Unreadable(f"That server answered {status} where Flowise lists its flows.")
            value = upstream.load(await call.body(upstream.MAX_ANSWER_BYTES))
        finally:
            call.close()
    except upstream.Fault as fault:
        raise Unreadable(fault.failed.detail) from None
    rows = value.get("data") if isinstance(value, dict) else value
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Unreadable("A server answers there, but it does not speak as Flowise does.")
    return rows
