"""Large bodies: files in JSON reach the upstream, and many at once cost bounded memory."""

import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from tests.chatflows.engines.upstreams import hosting
from tests.server.shipped import OWNER, Shipped, start
from tests.server.world import World, eventually

pytestmark = pytest.mark.server
large = partial(pytest.param, marks=pytest.mark.large)

MIB = 2**20
BUDGET = 64  # MiB
AT_ONCE = 64
# Each byte of a question is held as it came, read, and written anew for the upstream.
GROWTH = 4 * BUDGET  # MiB
FILE = "data:image/png;base64," + "QUJD" * (10 * MIB // 4)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server with a small budget."""
    with hosting() as host:
        env = {**OWNER, "MAX_BUFFERED_BYTES": str(BUDGET * MIB), "MAX_STREAMS_PER_KEY": "200"}
        running = start(tmp_path_factory.mktemp("large"), env)
        yield World(running, host)
        assert running.stop() == 0
        assert "Traceback" not in running.log


def upload() -> bytes:
    """A question with a file, as the widget sends it."""
    file = {"data": FILE, "type": "file", "name": "a.png", "mime": "image/png"}
    return json.dumps({"question": "say thanks", "uploads": [file]}).encode()


def asking(flow: str, key: str) -> bytes:
    """A request with a large file."""
    body = upload()
    return head(flow, key, len(body)) + body


def head(flow: str, key: str, length: int) -> bytes:
    """The head of a question."""
    bearer = f"Authorization: Bearer {key}\r\n" if key else ""
    return (
        f"POST /api/v1/prediction/{flow} HTTP/1.1\r\nHost: localhost\r\n{bearer}"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def send(
    server: Shipped, sent: bytes, before_last: Callable[[], object] = lambda: None
) -> tuple[int, bytes]:
    """Status and answer, 0 for none; a server that has answered need not take the rest."""
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        with suppress(ConnectionError):
            connection.sendall(sent[:-1])
        before_last()
        with suppress(ConnectionError):
            connection.sendall(sent[-1:])
        with suppress(ConnectionError):
            while not _is_whole(answer) and (chunk := connection.recv(65536)):
                answer += chunk
    return int(answer.split(b" ", 2)[1]) if answer else 0, answer


def _is_whole(answer: bytes) -> bool:
    top, found, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", top)
    return bool(found) and length is not None and len(body) >= int(length[1])


def most(server: Shipped) -> float:
    """MiB of memory that the process had at most."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def test_a_file_in_json_reaches_flowise_whole(small: World) -> None:
    flow = small.flowise_flow()
    status, answer = send(
        small.server, (body := upload()) and head(flow, small.key(flow), len(body)) + body
    )
    assert (status, b'"thanks"' in answer) == (200, True)
    assert small.flowise.seen[-1].fields["uploads"][0]["data"] == FILE


def test_over_the_limit_nothing_is_read(small: World) -> None:
    flow = small.flowise_flow()
    status, answer = send(small.server, head(flow, small.key(flow), 12 * MIB + 1))
    assert (status, b'"too_large"' in answer) == (413, True)


def test_a_stranger_is_refused_before_the_body(small: World) -> None:
    flow = small.flowise_flow()
    assert send(small.server, head(flow, "", 10 * MIB))[0] == 401
    assert send(small.server, head(flow, small.key(), 10 * MIB))[0] == 403


def test_many_at_once_are_held_within_bounds(small: World) -> None:
    flow = small.flowise_flow()
    sent = asking(flow, small.key(flow))
    before, is_over = most(small.server), threading.Event()

    all_hold = threading.Barrier(AT_ONCE, timeout=90)

    def ask(_: int) -> tuple[int, bytes]:
        # None is whole before all are here: however fast the server is, they are held at once.
        return send(small.server, sent, all_hold.wait)

    def live() -> int:
        count = 0
        while not is_over.wait(0.05):
            assert small.server.request("GET", "/livez").status == 200
            count += 1
        return count

    with ThreadPoolExecutor(AT_ONCE + 1) as pool:
        watching = pool.submit(live)
        answers = [*pool.map(ask, range(AT_ONCE))]
        is_over.set()
        assert watching.result() > 0
    counted = Counter(status for status, _ in answers)
    assert counted[200] > 0
    assert counted[503] > 0
    assert set(counted) <= {0, 200, 503}
    assert all(b"retry-after: 2" in answer for status, answer in answers if status == 503)
    assert most(small.server) - before < GROWTH
    # All is given back.
    assert eventually(lambda: send(small.server, sent)[0] == 200, within=20)


@pytest.mark.parametrize(
    "text", ["\u0436\U0001f600 ", *map(large, ["hello, world. ", "123456789012345 ", 'a"\n'])]
)
def test_a_faq_that_is_asked_a_lot_holds_nobody_up(small: World, text: str) -> None:
    server = small.server
    name = f"Asked {text.encode()!r}"
    flow = server.do("make_chatflow", team="acme", name=name, entries=[["Hi", "Hello"]])
    key, is_over = small.key(flow), threading.Event()
    path, bearer = f"/api/v1/prediction/{flow}", {"Authorization": f"Bearer {key}"}
    question = text * (10 * MIB // len(json.dumps(text, ensure_ascii=False).encode()))
    body = json.dumps({"question": question}, ensure_ascii=False).encode()

    def ask() -> Counter[int]:
        counted: Counter[int] = Counter()
        while not is_over.is_set():
            counted[server.request("POST", path, body, bearer).status] += 1
        return counted

    lives, until = 0, time.monotonic() + 3
    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        while time.monotonic() < until:
            assert server.request("GET", "/livez").status == 200
            lives += 1
            is_over.wait(0.01)
        is_over.set()
        counted = asking[0].result() + asking[1].result()
    assert set(counted) == {200}
    assert lives >= counted[200]  # held up by each of them, it would be answered as often at most
