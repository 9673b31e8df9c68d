"""Aborts over several processes: an answer ends wherever its caller says stop."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.chatflows.engines.upstreams import hosting
from tests.server import workers
from tests.server.forks import PATIENCE
from tests.server.shipped import OWNER, Shipped, start
from tests.server.world import World, eventually

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server of two processes."""
    with hosting() as host:
        running = start(tmp_path_factory.mktemp("two"), {**OWNER, "WEB_CONCURRENCY": "2"})
        assert eventually(lambda: len(workers.pids(running)) == 2, within=PATIENCE)
        yield World(running, host)
        assert running.stop() == 0
        assert "Traceback" not in running.log


def connect(server: Shipped, stack: ExitStack) -> tuple[http.client.HTTPConnection, int]:
    """A connection, and the process that has it."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    stack.callback(connection.close)
    connection.request("GET", "/livez")
    connection.getresponse().read()
    assert connection.sock is not None
    pid = workers.holder(server, connection.sock.getsockname()[1])
    assert pid is not None
    return connection, pid


def apart(server: Shipped, stack: ExitStack) -> list[http.client.HTTPConnection]:
    """Two connections, one to each process."""
    first, mine = connect(server, stack)
    for _ in range(500):
        second, other = connect(server, stack)
        if other != mine:
            return [first, second]
    raise AssertionError("one process took all connections")


def test_an_abort_ends_the_answer_that_another_process_sends(two: World) -> None:
    flow = two.openai_flow()
    mine, others = two.key(flow), two.key(flow)
    with ExitStack() as stack:
        here, there = apart(two.server, stack)

        def stop(key: str) -> None:
            path = f"/api/v1/chatmessage/abort/{flow}/visit"
            there.request("PUT", path, headers={"Authorization": f"Bearer {key}"})
            assert json.loads(there.getresponse().read())["message"] == "Chat message aborted"

        stop(mine)  # nothing runs yet
        head = {"Authorization": f"Bearer {mine}", "Content-Type": "application/json"}
        body = json.dumps({"question": "drip", "chatId": "visit", "streaming": True})
        here.request("POST", f"/api/v1/prediction/{flow}", body, head)
        answer = here.getresponse()
        stop(others)
        until = time.monotonic() + 1.3  # for one asking: neither abort is of this answer
        while time.monotonic() < until:
            assert b"drip" in answer.read1()
        began = time.monotonic()
        stop(mine)
        rest = answer.read()
    assert time.monotonic() - began < 4
    assert b'"event":"abort"' in rest
    assert rest.rstrip().endswith(b'data:{"event":"end","data":"[DONE]"}')
    assert two.server.wait_for_calls(1, flow)[0]["code"] == "aborted"
