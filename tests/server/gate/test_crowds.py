"""One client that opens thousands of connections shuts nobody out."""

import http.client
import json
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.shipped import OWNER, Shipped, start

pytestmark = pytest.mark.server

IDLE, SILENT, CALLS = 4000, 500, 200
LIVEZ = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Shipped]:
    """A server with nobody else."""
    running = start(tmp_path, OWNER)
    yield running
    assert running.stop() == 0
    assert "Traceback" not in running.log


@pytest.fixture
def many_files() -> None:
    """Let this process hold that many sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < IDLE + SILENT + 500:
        pytest.skip("too few open files are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, IDLE + SILENT + 500), hard))


@pytest.mark.usefixtures("many_files")
def test_thousands_of_idle_and_silent_connections_shut_nobody_out(alone: Shipped) -> None:
    key = alone.do("make_key", team="acme", name="crm-sync", opens=[alone.chatflow])
    elsewhere = ("127.0.0.2", 0)  # another client, with a connection from before
    kept = http.client.HTTPConnection("127.0.0.1", alone.port, 20, elsewhere)
    assert _ask(kept, alone, key) == 200
    held = [*_idle(alone), *_silent(alone)]
    answers = []
    for number in range(CALLS):
        answers.append(alone.request("GET", "/livez").status)
        answers.append(alone.predict(key).status)
        if number % 20 == 0:  # the client opens more all the while
            held += _silent(alone, 20)
            answers.append(_ask(kept, alone, key))
    assert set(answers) == {200}
    for each in held:
        each.close()
    kept.close()
    assert alone.predict(key).status == 200


def _ask(connection: http.client.HTTPConnection, server: Shipped, key: str) -> int:
    head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = json.dumps({"question": "What is Flowlatch?"})
    connection.request("POST", f"/api/v1/prediction/{server.chatflow}", body, head)
    response = connection.getresponse()
    response.read()
    return response.status


def _idle(server: Shipped) -> Iterator[socket.socket]:
    """Connections that ask once and stay."""
    for _ in range(IDLE):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        connection.sendall(LIVEZ)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        yield connection


def _silent(server: Shipped, count: int = SILENT) -> list[socket.socket]:
    """Connections that say nothing."""
    address = ("127.0.0.1", server.port)
    return [socket.create_connection(address, timeout=20) for _ in range(count)]
