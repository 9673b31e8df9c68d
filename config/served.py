"""What the server runs in each of its processes: the application, and a worker beside it."""

import asyncio
from collections.abc import Awaitable, MutableMapping
from typing import Any

from config.asgi import application as gate  # sets Django up: before all that needs it

# isort: split
from django.conf import settings

from accounts.worker import Worker

Message = MutableMapping[str, Any]


def application(scope: Any, receive: Any, send: Any) -> Awaitable[None]:
    """ASGI. Not `async`: a request passes through without a coroutine more."""
    if scope["type"] == "lifespan" and settings.WORKER == "internal":
        return _with_worker(scope, receive, send)
    return gate(scope, receive, send)


async def _with_worker(scope: Any, receive: Any, send: Any) -> None:
    worker = Worker()

    async def receiving() -> Message:
        message: Message = await receive()
        if message["type"] == "lifespan.startup":
            worker.start()
        else:
            await asyncio.to_thread(worker.stop)
        return message

    await gate(scope, receiving, send)
