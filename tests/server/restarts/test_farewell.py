"""A stream that begins before a stop can't say that its connection ends: its client may ask on."""

import http.client
import json
import signal
from pathlib import Path

import pytest

from tests.chatflows.engines.upstreams import hosting
from tests.server.forks import PATIENCE
from tests.server.shipped import OWNER, start
from tests.server.world import World

pytestmark = pytest.mark.server


def test_who_asks_again_behind_such_a_stream_is_answered(tmp_path: Path) -> None:
    with hosting() as host:
        server = start(tmp_path / "parting", OWNER, command=("-m", "tests.server.hurried"))
        world = World(server, host)
        flow = world.flowise_flow()
        head = {
            "Authorization": f"Bearer {world.key(flow)}",
            "Content-Type": "application/json",
        }
        question = json.dumps({"question": "slow", "streaming": True})
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        client.request("POST", f"/api/v1/prediction/{flow}", question, head)
        stream = client.getresponse()
        assert stream.headers["connection"] != "close"
        assert stream.read1()
        server.process.send_signal(signal.SIGTERM)
        assert b"The server restarts" in stream.read()
        client.request("GET", "/livez")
        answer = client.getresponse()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert answer.read() == b"ok\n"
        client.close()
        assert server.process.wait(PATIENCE) == 0
        assert "timeout graceful shutdown exceeded" not in server.log
        server.stop_control()
