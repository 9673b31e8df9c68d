"""What the server runs in each of its processes: the application, and a worker beside it."""

import asyncio
import gc
from collections.abc import Awaitable, MutableMapping
from typing import Any

from config.asgi import application as gate  # sets Django up: before all that needs it

# isort: split
from django.conf import settings

from accounts.worker.worker import Worker

Message = MutableMapping[str, Any]


def application(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
    """ASGI. Not `async`: a request passes through without a coroutine more."""
    if scope["type"] == "lifespan":
        return _live(scope, receive, send)
    return gate(scope, receive, send)


async def _live(scope: Any, receive: Any, send: Any) -> None:
    worker = Worker() if settings.WORKER == "internal" else None

    async def receiving() -> Message:
        message: Message = await receive()
        if message["type"] == "lifespan.startup":
            if worker is not None:
                worker.start()
            _calm_collector()
        elif worker is not None:
            await asyncio.to_thread(worker.stop)
        return message

    await gate(scope, receiving, send)


def _calm_collector() -> None:
    """Let the cycle collector look at less, and less often: no answer moves while it looks.

    All that was loaded so far stays for good. A call leaves hardly a cycle behind, so the youngest
    objects are looked at by the thousands, but not by so many that a stream would notice.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 50)
