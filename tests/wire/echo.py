"""A trivial ASGI application behind the wire guard, with the guard's patience cut short.

`/hold` answers when `/release` has been asked for; `/hangups` counts those who hung up on it.
`/pour` answers with POURED bytes, more than the buffers on the way take.
`/stream` answers with three words, without a length.
Every other path reads the body and answers the scope as JSON.

A POST to /short/... is answered by the short way with the length of its body: `now`; `later`, when
`/release` has been asked for; `pour`, with POURED bytes. It leaves `left` and `left-later` to the
application, and fails at `fails`.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NamedTuple

from config.wire.short_way import QuickProtocol

HASTE = 0.4  # seconds a head may take here, in place of ten
POURED = 32 * 2**20
SHORT = b"/short/"


class HastyProtocol(QuickProtocol):
    """The guard, as shipped but for its clock."""

    head_lifetime = timedelta(seconds=HASTE)
    linger_lifetime = timedelta(seconds=0.2)
    stall_lifetime = timedelta(seconds=HASTE)
    sweep_interval = timedelta(seconds=0.05)


class PatientProtocol(QuickProtocol):
    """The guard, as shipped."""


class BriefProtocol(HastyProtocol):
    """It keeps an idle connection for a shorter time than a client may leave an answer waiting."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.timeout_keep_alive = HASTE / 2  # type: ignore[assignment]  # whole seconds otherwise


class Reply(NamedTuple):
    """See config/wire/short_way.py."""

    status: int
    fields: bytes
    body: bytes


Then = Callable[[Reply | None], bool]


class _Hall:
    """Who is on hold, how many of them hung up, and how many answers wait for their reader."""

    def __init__(self) -> None:
        self.later: list[Callable[[], bool]] = []
        self.door = asyncio.Event()
        self.holding = 0
        self.hangups = 0
        self.pouring = 0


_hall = _Hall()


class ShortWay:
    """Answers what is asked of /short/."""

    def is_for(self, method: bytes, url: bytes) -> bool:
        """See config/wire/short_way.py."""
        return method == b"POST" and url.startswith(SHORT)

    def take(self, held: Any, client: Any, then: Then) -> None:
        """See config/wire/short_way.py."""
        name = held.url.removeprefix(SHORT)
        reply = None if name.startswith(b"left") else _reply(name, held.body)
        if name == b"fails":
            raise ZeroDivisionError
        if name.endswith(b"later"):
            _hall.later.append(lambda: then(reply))
        else:
            then(reply)


def _reply(name: bytes, body: bytes) -> Reply:
    said = json.dumps({"short": len(body)}).encode() if name != b"pour" else bytes(POURED)
    return Reply(200, b"content-length: %d\r\n" % len(said), said)


class Edge:
    """The world around this server."""

    def is_own_host(self, host: str) -> bool:
        """See config/wire/edge.py."""
        return host.partition(":")[0] == "localhost"

    def is_proxy(self, address: str) -> bool:
        """See config/wire/edge.py."""
        return False


class App:
    """The application."""

    edge = Edge()
    short_way = ShortWay()

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        """ASGI."""
        return _app(scope, receive, send)


app = App()


async def _app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise RuntimeError("this server has no lifespan")
    if scope["path"] == "/early":  # before its body is read
        await _answer(send, {})
    body = await _read(receive)
    if scope["path"] == "/early":
        return
    if scope["path"] == "/pour":
        await _pour(send)
        return
    if scope["path"] == "/stream":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for word in (b"one ", b"two ", b"three "):
            await send({"type": "http.response.body", "body": word, "more_body": True})
        await send({"type": "http.response.body"})
        return
    if scope["path"] == "/hold":
        await _hold(receive)
    elif scope["path"] == "/release":
        _hall.door.set()
        _hall.door = asyncio.Event()
        later, _hall.later = _hall.later, []
        for answer in later:
            answer()
    await _answer(send, _portrait(scope, body))


def _portrait(scope: Any, body: bytes) -> dict[str, Any]:
    return {
        "path": scope["path"],
        "client": scope["client"][0],
        "scheme": scope["scheme"],
        "headers": [name.decode("latin-1") for name, _ in scope["headers"]],
        "body": len(body),
        "holding": _hall.holding,
        "hangups": _hall.hangups,
        "pouring": _hall.pouring,
        "later": len(_hall.later),
    }


async def _read(receive: Any) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


async def _hold(receive: Any) -> None:
    _hall.holding += 1
    hangup = asyncio.ensure_future(receive())
    door = asyncio.ensure_future(_hall.door.wait())
    try:
        done, waiting = await asyncio.wait({hangup, door}, return_when=asyncio.FIRST_COMPLETED)
        _hall.hangups += hangup in done
        for each in waiting:
            each.cancel()
    finally:
        _hall.holding -= 1


async def _pour(send: Any) -> None:
    headers = [(b"content-length", b"%d" % POURED)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    part = {"type": "http.response.body", "body": bytes(2**16), "more_body": True}
    _hall.pouring += 1
    for _ in range(POURED // 2**16 - 1):
        await send(part)
    await send({**part, "more_body": False})
    _hall.pouring -= 1


async def _answer(send: Any, content: dict[str, Any]) -> None:
    body = json.dumps(content).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
