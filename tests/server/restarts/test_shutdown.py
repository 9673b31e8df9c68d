"""SIGTERM to a server of several processes: each writes down what it still holds."""

import http.client
import json
import signal
import time
from pathlib import Path

import pytest

from tests.server import workers
from tests.server.forks import PATIENCE
from tests.server.shipped import OWNER, start

pytestmark = pytest.mark.server

CALLS = 60


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    server = start(tmp_path / "orphans", {**OWNER, "WEB_CONCURRENCY": "2"})
    serving = workers.pids(server)
    assert server.process.pid not in serving
    server.process.kill()
    server.process.wait(PATIENCE)
    deadline = time.monotonic() + PATIENCE
    while any(map(workers.is_running, serving)):
        assert time.monotonic() < deadline, "workers serve on without their parent"
        time.sleep(0.05)
    server.stop()


@pytest.mark.large
def test_every_worker_writes_its_calls_before_it_ends(tmp_path: Path) -> None:
    server = start(tmp_path / "four", {**OWNER, "WEB_CONCURRENCY": "4"})
    key = server.do("make_key", team="acme", name="crm", opens=[server.chatflow])
    head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = json.dumps({"question": "What is Flowlatch?"})
    opened = [http.client.HTTPConnection("127.0.0.1", server.port) for _ in range(CALLS)]
    answering: set[int | None] = set()
    for connection in opened:
        connection.request("POST", f"/api/v1/prediction/{server.chatflow}", body, head)
        response = connection.getresponse()
        assert response.status == 200
        response.read()
        assert connection.sock is not None
        answering.add(workers.holder(server, connection.sock.getsockname()[1]))
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(PATIENCE) == 0
    for connection in opened:
        connection.close()
    assert len(answering) > 1, "one process answered them all: nothing was tested"
    recorded = server.do("calls", chatflow=server.chatflow)
    server.stop()
    assert len(recorded) == CALLS
