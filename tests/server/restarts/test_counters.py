"""Counters of the shipped server: what was counted is there after kill -9, and counting goes on."""

import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.server.forks import PATIENCE
from tests.server.shipped import Shipped, start

pytestmark = pytest.mark.server

HEAD = {"User-Agent": "crm-sync/2.1", "Origin": "https://shop.example"}


def ask(server: Shipped, key: str, times: int) -> None:
    head = {"Authorization": f"Bearer {key}", **HEAD}
    for _ in range(times):
        path = f"/api/v1/prediction/{server.chatflow}"
        assert server.request("POST", path, {"question": "Hello?"}, head).status == 200


def wait_for(server: Shipped, calls: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while server.do("usage", chatflow=server.chatflow)["let_in"] < calls:
        assert time.monotonic() < deadline, "the calls were not counted"
        time.sleep(0.02)


def expected(calls: int) -> dict[str, object]:
    return {
        "let_in": calls,
        "clients": ["crm-sync/2.1"],
        "from_pages": calls,
        "periods": [calls, calls],  # the month and the day
    }


@pytest.mark.large
def test_counts_survive_a_kill_and_go_on(tmp_path: Path) -> None:
    server = start(tmp_path)
    key = server.do("make_key", team="acme", name="crm", opens=[server.chatflow])
    ask(server, key, 5)
    wait_for(server, 5)
    server.stop(signal.SIGKILL)
    again = start(tmp_path)
    assert again.do("usage", chatflow=again.chatflow) == expected(5)
    ask(again, key, 3)
    assert again.stop() == 0  # it writes what it holds before it ends
    counted = again.do("usage", chatflow=again.chatflow)
    again.stop_control()
    if datetime.now(UTC).strftime("%H:%M") > "00:01":  # else the day may have changed meanwhile
        assert counted == expected(8)
