"""Connections to servers that close them without a word: no question is lost or runs twice."""

import asyncio
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from accounts.network import connections

STREAM = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
)
CALLS = 400


class Server:
    """Answers each request with a stream, then closes after a while, or stays."""

    def __init__(self, closes_after: float | None) -> None:
        self.closes_after = closes_after
        self.opened = self.open = 0
        self.asked: Counter[str] = Counter()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.opened += 1
        self.open += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(4)
                self.asked[head.split(b" ")[1].decode()] += 1
                writer.write(STREAM)
                await writer.drain()
                if self.closes_after is not None:
                    await asyncio.sleep(self.closes_after)
                    break
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self.open -= 1


async def ask(server: Server, calls: int, pause: float = 0.0, at_once: int = 4) -> list[str]:
    """Ask a server so often, some at once. Returns what failed."""
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    failed: list[str] = []
    numbers = iter(range(calls))

    async with connections.session() as client:

        async def caller() -> None:
            for number in numbers:
                try:
                    response = await connections.request(
                        client, "POST", f"{url}/{number}", data=b"ask?"
                    )
                    assert (await response.read()).endswith(b"[DONE]\n\n")
                except Exception as error:  # each fault counts
                    failed.append(type(error).__name__)
                await asyncio.sleep(pause)

        await asyncio.gather(*[caller() for _ in range(at_once)])
    listening.close()
    while server.open:
        await asyncio.sleep(0.001)
    return failed


@pytest.mark.parametrize("closes_after", [0.0, 0.001, 0.01, 0.05])
def test_no_question_is_lost_to_a_server_that_closes_behind_its_streams(
    closes_after: float,
) -> None:
    server = Server(closes_after)
    assert asyncio.run(ask(server, CALLS, at_once=8)) == []
    assert server.asked == {f"/{number}": 1 for number in range(CALLS)}


def test_a_connection_that_stays_is_used_again_after_its_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "REST", 0.005)
    server = Server(None)
    assert asyncio.run(ask(server, 40, pause=0.02, at_once=1)) == []
    assert server.opened < 20


def test_an_end_that_the_loop_has_not_heard_of_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REST", 0.0)
    listening = socket.create_server(("127.0.0.1", 0))
    served: list[socket.socket] = []

    def serve() -> None:
        for _ in range(2):
            taken, _ = listening.accept()
            served.append(taken)
            taken.recv(65536)
            taken.sendall(STREAM)

    async def story() -> None:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        async with connections.session() as client:
            await (await connections.request(client, "POST", url)).read()
            served[0].close()  # the loop is here, and hears of nothing
            assert await (await connections.request(client, "POST", url)).read()

    with ThreadPoolExecutor(1) as pool, listening:
        serving = pool.submit(serve)
        asyncio.run(story())
        serving.result(5)
    served[1].close()
