"""One client that opens thousands of connections shuts nobody out."""

import http.client
import json
import re
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.pages import AT_ONCE
from tests.server.shipped import OWNER, Shipped, start

pytestmark = [pytest.mark.server, pytest.mark.large]

IDLE, SILENT, CALLS = 4000, 500, 200
PAGES = 400  # at once
OTHER_THREADS = 30
LIVEZ = b"HEAD /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


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


def test_hundreds_who_ask_for_pages_at_once_shut_nobody_out(alone: Shipped) -> None:
    key = alone.do("make_key", team="acme", name="crm-sync", opens=[alone.chatflow])
    asking = [*_idle(alone, PAGES // 2), *_idle(alone, PAGES // 2, "127.0.0.2")]
    for each in asking:
        each.sendall(b"GET /login/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answers = {alone.request("GET", "/livez").status, alone.predict(key).status}
    assert answers == {200}
    heads = [each.recv(65536) for each in asking]
    assert {head[9:12] for head in heads} == {b"200", b"503"}
    for head in heads:
        assert head[9:12] == b"200" or {b"retry-after: 2", b"connection: close"} <= {
            *head.split(b"\r\n")
        }
    status = Path(f"/proc/{alone.process.pid}/status").read_text()
    assert int(re.findall(r"Threads:\s+(\d+)", status)[0]) < AT_ONCE + OTHER_THREADS
    assert alone.request("GET", "/login/").status == 200
    for each in asking:
        each.close()


def _ask(connection: http.client.HTTPConnection, server: Shipped, key: str) -> int:
    head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = json.dumps({"question": "What is Flowlatch?"})
    connection.request("POST", f"/api/v1/prediction/{server.chatflow}", body, head)
    response = connection.getresponse()
    response.read()
    return response.status


def _idle(server: Shipped, count: int = IDLE, source: str = "127.0.0.1") -> Iterator[socket.socket]:
    """Connections that ask once and stay."""
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", server.port), 20, (source, 0))
        connection.sendall(LIVEZ)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        yield connection


def _silent(server: Shipped, count: int = SILENT) -> list[socket.socket]:
    """Connections that say nothing."""
    address = ("127.0.0.1", server.port)
    return [socket.create_connection(address, timeout=20) for _ in range(count)]
