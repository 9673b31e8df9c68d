"""Clients of HTTP/1.0: they know no chunks, so a body without a length ends with its connection."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

Message = MutableMapping[str, Any]
WITHOUT_BODY = (204, 304)


def without_chunks(cycle: RequestResponseCycle, app: "ASGI3Application") -> "ASGI3Application":
    """Return an application whose answers to `cycle` are never sent in chunks.

    uvicorn's cycle has no way to say so. It is told that each piece is as long as it should be.
    """

    async def answered(
        scope: Any,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        is_open_ended = False

        async def sending(message: Message) -> None:
            nonlocal is_open_ended
            if message["type"] == "http.response.start":
                names = [name.lower() for name, _ in message.get("headers", ())]
                has_body = scope["method"] != "HEAD" and message["status"] not in WITHOUT_BODY
                is_open_ended = has_body and b"content-length" not in names
                if is_open_ended:
                    cycle.chunked_encoding = False
            elif is_open_ended:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, sending)  # type: ignore[arg-type]

    return answered  # type: ignore[return-value]
