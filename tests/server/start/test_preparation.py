"""Preparation in a child: it is gone when the server serves, and ends when the start is ended."""

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.server import shipped
from tests.server.forks import PATIENCE, Forked
from tests.server.shipped import OWNER, POSTGRES, SERVE, environment
from tests.server.workers import children, is_running

pytestmark = pytest.mark.server
on_sqlite = pytest.mark.skipif(POSTGRES in os.environ, reason="holds a SQLite file's lock")


@contextmanager
def preparing(folder: Path) -> Iterator[tuple[Forked, int]]:
    """A start whose preparation waits for the database's lock: its process and that one's child."""
    shipped.start(folder).stop()
    database = sqlite3.connect(folder / "flowlatch.sqlite3", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    with (folder / "log").open("w") as log:
        env = environment(folder, PORT=str(free_port()), **OWNER)
        start = Forked([*SERVE], env=env, stdout=log.fileno(), stderr=log.fileno())
    try:
        yield start, wait_for_child(start.pid)
    finally:
        start.kill()
        database.close()


def wait_for_child(pid: int) -> int:
    """The child of a process, once there is one and it holds the database open."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for child in children(pid):
            if "flowlatch.sqlite3" in Path(f"/proc/{child}/maps").read_text():
                return child
        time.sleep(0.01)
    raise AssertionError("nothing was prepared")


@on_sqlite
def test_a_server_has_no_child_and_loads_no_driver_of_postgresql(tmp_path: Path) -> None:
    server = shipped.start(tmp_path, {}, is_first=True, is_fork=False)
    pid = server.process.pid
    assert children(pid) == []
    assert "psycopg" not in Path(f"/proc/{pid}/maps").read_text()
    assert server.stop() == 0


@on_sqlite
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_start_and_its_preparation(tmp_path: Path, number: int) -> None:
    with preparing(tmp_path) as (start, child):
        start.send_signal(number)
        assert start.wait(PATIENCE) == -number
        assert not Path(f"/proc/{child}").exists(), "it still runs, or nobody waited for it"
    assert (tmp_path / "log").read_text() == ""


@on_sqlite
def test_preparation_ends_when_the_start_is_killed(tmp_path: Path) -> None:
    with preparing(tmp_path) as (start, child):
        start.kill()
        start.wait(PATIENCE)
        deadline = time.monotonic() + PATIENCE
        while is_running(child):
            assert time.monotonic() < deadline, "it goes on without its parent"
            time.sleep(0.01)


@on_sqlite
def test_a_start_whose_preparation_is_killed_says_so_and_ends(tmp_path: Path) -> None:
    with preparing(tmp_path) as (start, child):
        os.kill(child, signal.SIGKILL)
        assert start.wait(PATIENCE) == 1
    assert (tmp_path / "log").read_text().startswith("Signal 9 ended ")
