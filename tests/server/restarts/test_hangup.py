"""SIGHUP to a server of several processes: others take their place, and end as well as they."""

import signal
from pathlib import Path

import pytest

from tests.server import workers
from tests.server.shipped import OWNER, start
from tests.server.world import eventually

pytestmark = pytest.mark.server


@pytest.mark.large
def test_each_process_is_replaced_and_its_successor_stops_in_order(tmp_path: Path) -> None:
    server = start(tmp_path / "hung-up", {**OWNER, "WEB_CONCURRENCY": "2"})
    before = workers.pids(server)
    server.process.send_signal(signal.SIGHUP)
    assert eventually(lambda: not any(map(workers.is_running, before)))
    assert eventually(lambda: len(workers.pids(server)) == 2)
    assert server.request("GET", "/livez").status == 200
    assert server.log.count('"event":"stopping"') == len(before)
    assert server.stop() == 0
    assert server.log.count("worker process ended") == 0
    assert server.log.count('"event":"stopping"') >= 2 * len(before)
