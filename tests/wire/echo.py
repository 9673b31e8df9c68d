"""A trivial ASGI application behind the wire guard, with the guard's patience cut short.

`/hold` answers when `/release` has been asked for; `/hangups` counts those who hung up on it.
`/pour` answers with POURED bytes, more than the buffers on the way take.
Every other path reads the body and answers the scope as JSON.
"""

import asyncio
import json
from datetime import timedelta
from typing import Any

from config.short_way import QuickProtocol

HASTE = 0.4  # seconds a head may take here, in place of ten
POURED = 32 * 2**20


class HastyProtocol(QuickProtocol):
    """The guard, as shipped but for its clock."""

    head_lifetime = timedelta(seconds=HASTE)
    linger_lifetime = timedelta(seconds=0.2)
    stall_lifetime = timedelta(seconds=HASTE)
    sweep_interval = timedelta(seconds=0.05)


class _Hall:
    """Who is on hold, how many of them hung up, and how many answers wait for their reader."""

    def __init__(self) -> None:
        self.door = asyncio.Event()
        self.holding = 0
        self.hangups = 0
        self.pouring = 0


_hall = _Hall()


async def app(scope: Any, receive: Any, send: Any) -> None:
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
    if scope["path"] == "/hold":
        await _hold(receive)
    elif scope["path"] == "/release":
        _hall.door.set()
        _hall.door = asyncio.Event()
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
