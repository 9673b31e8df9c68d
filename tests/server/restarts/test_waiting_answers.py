"""Short answers that wait for PostgreSQL: who leaves, and a server that ends, in the meantime."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.postgres import FORGETFUL, Postgres, create_database
from tests.server.forks import PATIENCE
from tests.server.shipped import OWNER, POSTGRES, Shipped, start

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(POSTGRES not in os.environ, reason="the tests' database is SQLite"),
]
ASKED = 0.1  # seconds in which a question has surely been read; the database may take ten times it


@pytest.fixture(scope="module")
def own() -> Iterator[Postgres]:
    """A PostgreSQL that may be paused."""
    with Postgres(*FORGETFUL) as running:
        yield running


@pytest.fixture
def server(own: Postgres, tmp_path: Path) -> Iterator[Shipped]:
    url = create_database(own.url, tmp_path.name.lower())
    running = start(tmp_path, {**OWNER, "DATABASE_URL": url, "WORKER": "external"})
    yield running
    assert running.stop() == 0
    assert "Traceback" not in running.log
    assert "error" not in running.log.lower()


@contextmanager
def _asking(own: Postgres, server: Shipped, count: int = 1) -> Iterator[socket.socket]:
    """Ask questions in one packet while the database is silent."""
    key = server.do("make_key", team="acme", name="k", opens=[server.chatflow])
    assert server.predict(key).status == 200  # its engine is made
    body = b'{"question":"Hi"}'
    head = (
        f"POST /api/v1/prediction/{server.chatflow} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as wire:
        own.pause()
        try:
            wire.sendall((head.encode() + body) * count)
            time.sleep(ASKED)
            yield wire
        finally:
            own.pause(is_paused=False)


def _heard(wire: socket.socket) -> bytes:
    heard = b""
    while more := wire.recv(65536):
        heard += more
    return heard


def test_who_leaves_in_the_meantime_leaves_a_record_and_no_error(
    own: Postgres, server: Shipped
) -> None:
    with _asking(own, server, count=2) as wire:
        wire.close()
        time.sleep(ASKED)
    assert "client_gone" in [row["code"] for row in server.wait_for_calls(2)]
    assert server.request("GET", "/livez").status == 200


def test_a_server_that_ends_answers_it_and_closes(own: Postgres, server: Shipped) -> None:
    with _asking(own, server) as wire:
        server.process.send_signal(signal.SIGTERM)
        time.sleep(ASKED)
        own.pause(is_paused=False)
        heard = _heard(wire)
    assert heard.startswith(b"HTTP/1.1 200 OK\r\n")
    assert heard.count(b"\r\nconnection: close\r\n") == 1
    assert server.process.wait(PATIENCE) == 0
    assert [row["code"] for row in server.do("calls", chatflow=server.chatflow)] == ["ok", "ok"]


def test_a_database_that_stays_silent_is_told_in_time(own: Postgres, server: Shipped) -> None:
    with _asking(own, server, count=3) as wire:
        began = time.monotonic()
        heard = b""
        while heard.count(b"HTTP/1.1 503") < 3:
            heard += wire.recv(65536)
        assert time.monotonic() - began < 5
    assert heard.count(b"\r\nretry-after: ") == 3
    assert b"connection: close" not in heard
