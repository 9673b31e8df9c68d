"""The application that each server process runs, with a worker beside it."""

import asyncio
import ctypes
import gc
from collections.abc import Awaitable, MutableMapping
from contextlib import suppress
from typing import Any

from config.asgi import application as gate  # sets Django up, so it is imported first

# isort: split
from django.conf import settings
from django.db import connections
from django.http.request import split_domain_port, validate_host

from accounts.network import addresses
from accounts.outages import OUTAGES
from accounts.services.key_ring import processes
from accounts.worker import drills
from accounts.worker.watch import Watch
from accounts.worker.worker import Worker
from chatflows.access import codes
from chatflows.access.codes import Refused
from chatflows.predictions import running
from config.wire import ending

ASGIMessage = MutableMapping[str, Any]

M_MMAP_THRESHOLD = -3  # mallopt(3)
LARGE_BLOCK = 1024 * 1024  # bytes


class Edge:
    """What the settings say of the world around the server: see config/wire/edge.py."""

    def is_own_host(self, host: str) -> bool:
        """Return whether a host is one that the pages answer to."""
        return validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)

    def is_proxy(self, address: str) -> bool:
        """Return whether an address is among TRUSTED_PROXIES."""
        parsed = addresses.parse(address)
        return parsed is not None and any(parsed in each for each in settings.TRUSTED_PROXIES)


class Served:
    """The gate, and beside it a worker that lives as long."""

    edge = Edge()
    short_way = gate.short_way  # the server looks for it here: see config/wire/short_way.py

    def end_answers(self) -> int:
        """End every answer that still runs, with words that say so. Return how many there were."""
        return running.registry.end_all(Refused(codes.RESTARTING))

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        """Pass a request on. It is not `async`, which would cost a coroutine a request."""
        if scope["type"] == "lifespan":
            return _live(scope, receive, send)
        return gate(scope, receive, send)


application = Served()


async def _live(scope: Any, receive: Any, send: Any) -> None:
    worker = Worker() if settings.WORKER == "internal" else None
    watches = (Watch(), processes.Watch("web"))

    async def receiving() -> ASGIMessage:
        message: ASGIMessage = await receive()
        if message["type"] == "lifespan.startup":
            for watch in watches:
                watch.start()
            if worker is not None:
                worker.start()  # it looks for a drill itself
            else:
                await asyncio.to_thread(_look_for_a_drill)
            _calm_collector()
            _return_large_blocks()
        else:
            ending.begin()
            for watch in watches:
                await asyncio.to_thread(watch.stop)
            if worker is not None:
                await asyncio.to_thread(worker.stop)
        return message

    await gate(scope, receiving, send)


def _look_for_a_drill() -> None:
    """Note for the pages whether this is a drill's copy. Without a database they come later."""
    with suppress(*OUTAGES):
        drills.stands()
    connections.close_all()


def _calm_collector() -> None:
    """Let the cycle collector run less often and on fewer objects: no answer moves while it runs.

    What was loaded so far stays for good. A call leaves hardly any cycles, so young objects are
    collected by the thousands, but not by so many that a stream would notice.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 50)


def _return_large_blocks() -> None:
    """Have glibc give every large block back to the system as soon as it is freed.

    Left alone, it keeps blocks of up to 32 MiB after the first one was freed, each thread its own,
    and many large bodies at once leave holes behind. Other C libraries lack the call.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(M_MMAP_THRESHOLD, LARGE_BLOCK)
