"""A gate without pages behind it, asked as the server asks it."""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

from chatflows.calls.recorder import Recorder
from chatflows.gate.middleware import BearerGate
from chatflows.gate.readers.facts import AccessReader

Head = Sequence[tuple[bytes, bytes]]
LOCAL: Head = ((b"host", b"127.0.0.1:8000"),)


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Reader:
    """Reads nothing: these addresses ask about no chatflow."""

    counts = None

    def watch(self, then: object) -> None:
        """See AccessReader."""

    def look(self) -> None:
        """See AccessReader."""

    def close(self) -> None:
        """See AccessReader."""


async def no_page(_: Any, __: Any, send: Any) -> None:
    """The pages, none of which has the address."""
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b"no page"})


def make(is_stopping: Callable[[], bool] = lambda: False) -> BearerGate:
    """Make a gate whose records are thrown away."""
    reader = cast(AccessReader, Reader())
    return BearerGate(
        no_page, reader, lambda: Recorder(lambda batch: None), is_stopping=is_stopping
    )


async def ask(
    gate: BearerGate, path: str, head: Head = LOCAL, peer: str = "127.0.0.1", method: str = "GET"
) -> Answer:
    """Send one request."""
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [*head],
        "client": (peer, 50000),
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    await gate(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    return Answer(sent[0]["status"], dict(sent[0]["headers"]), body)
