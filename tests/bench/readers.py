"""Stream readers: many at once in one process, each noting when its events came."""

import asyncio
import re
import time
from dataclasses import dataclass, field
from functools import partial
from typing import cast

STAMP = re.compile(rb"@(\d+\.\d+)@")
END = b'"event":"end"'


@dataclass
class Seen:
    """What the readers of one run saw; lags in milliseconds from upstream's writing."""

    lags: list[float] = field(default_factory=list)
    firsts: list[float] = field(default_factory=list)  # from asking to the first event
    complete: int = 0


class Reader(asyncio.Protocol):
    """One stream."""

    def __init__(self, request: bytes, seen: Seen, done: "asyncio.Future[None]") -> None:
        self._request, self._seen, self._done = request, seen, done
        self._asked = 0.0
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._asked = time.time()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note each stamp."""
        now = time.time()
        stamps = STAMP.findall(self._tail + data)
        if stamps and self._asked:
            self._seen.firsts.append((now - self._asked) * 1000)
            self._asked = 0.0
        self._seen.lags.extend((now - float(stamp)) * 1000 for stamp in stamps)
        whole = self._tail + data
        self._tail = whole[whole.rfind(b"\n\n") + 2 :] if b"\n\n" in whole else whole
        if END in whole:
            self._seen.complete += 1
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Done, whole or not."""
        if not self._done.done():
            self._done.set_result(None)


async def read(port: int, request: bytes, streams: int, over: float) -> Seen:
    """Open `streams` streams spread over `over` seconds and read them to their ends."""
    loop = asyncio.get_running_loop()
    seen = Seen()
    ends: list[asyncio.Future[None]] = []
    for _ in range(streams):
        ends.append(loop.create_future())
        reader = partial(Reader, request, seen, ends[-1])
        await loop.create_connection(reader, "127.0.0.1", port)
        await asyncio.sleep(over / streams)
    await asyncio.gather(*ends)
    return seen
