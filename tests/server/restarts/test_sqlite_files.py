"""SQLite's -wal and -shm deleted, replaced or locked by somebody: closed, said, healed."""

import fcntl
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.server import forks
from tests.server.shipped import OWNER, POSTGRES, SERVE, Shipped, environment, start

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(POSTGRES in os.environ, reason="hurts a SQLite file"),
]
large = partial(pytest.param, marks=pytest.mark.large)
WITHIN = 5  # seconds: to close, and to heal


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Shipped]:
    running = start(tmp_path, OWNER)
    yield running
    assert running.stop() == 0
    assert "Traceback" not in running.log


def part(server: Shipped, suffix: str) -> Path:
    return server.folder / f"flowlatch.sqlite3{suffix}"


def replace(path: Path) -> None:
    newer = path.with_name("newer")
    newer.write_bytes(path.read_bytes())
    newer.replace(path)


def healed(server: Shipped, key: str) -> None:
    """Wait until calls and pages are answered. Meanwhile they are 503."""
    deadline = time.monotonic() + WITHIN
    while True:
        call = server.predict(key).status
        page = server.request("GET", "/login/").status
        assert {call, page} <= {200, 503}
        if call == page == 200:
            return
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("hurt", "suffixes", "is_asked_first"),
    [
        (Path.unlink, ["-wal", "-shm"], "page"),
        (replace, ["-wal", "-shm"], "call"),
        large(Path.unlink, ["-wal"], "page"),
        large(Path.unlink, ["-shm"], "call"),
        large(replace, ["-wal"], "call"),
        large(replace, ["-shm"], "page"),
    ],
)
def test_a_file_that_is_deleted_or_replaced_is_noticed_and_heals_without_a_restart(
    server: Shipped, hurt: Callable[[Path], None], suffixes: list[str], is_asked_first: str
) -> None:
    key = server.do("make_key", team="acme", name="k", opens=[server.chatflow])
    assert server.predict(key).status == 200
    assert server.request("GET", "/login/").status == 200
    server.wait_for_calls(1)
    server.stop_control()
    checkpoint(server)
    for suffix in suffixes:
        hurt(part(server, suffix))
    if is_asked_first == "page":
        assert server.request("GET", "/login/").status in (200, 503)
    healed(server, key)
    assert "database files replaced" in server.log
    server.do("disable", name="k")
    assert server.predict(key).status == 401, "the change of another process is seen at once"
    server.do("enable", name="k")
    assert server.predict(key).status == 200
    assert server.wait_for_calls(3)


def checkpoint(server: Shipped) -> None:
    with closing(sqlite3.connect(part(server, ""))) as other:
        other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def test_a_start_beside_a_torn_database_says_what_to_do(server: Shipped) -> None:
    program = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('CREATE TABLE torn (a)')\n"
        "os.unlink(sys.argv[1] + '-wal')\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()"
    )
    server.stop()
    arguments = [sys.executable, "-c", program, str(part(server, ""))]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        refused = forks.run([*SERVE], environment(server.folder, PORT=str(free_port())))
        other.kill()
    assert refused.returncode == 1
    # From Python 3.13 on Django's broken connection is a warning, which only tests show.
    lines = [each for each in refused.stderr.splitlines() if "ResourceWarning" not in each]
    assert len(lines) == 1
    assert "its -wal or -shm file was deleted or replaced" in refused.stderr
    assert "Stop every process that uses it" in refused.stderr
    again = start(server.folder)
    assert again.stop() == 0


def test_locks_of_another_process_hold_no_loop_up(server: Shipped) -> None:
    key = server.do("make_key", team="acme", name="k", opens=[server.chatflow])
    assert server.predict(key).status == 200
    server.stop_control()
    with part(server, "-shm").open("r+b") as shm:
        fcntl.lockf(shm, fcntl.LOCK_EX, 8, 120)
        with ThreadPoolExecutor(4) as pool:
            calls = [pool.submit(timed, server, key) for _ in range(4)]
            began = time.monotonic()
            for _ in range(20):
                assert server.request("GET", "/livez").status == 200
            assert time.monotonic() - began < WITHIN / 2
            for call in calls:
                status, seconds = call.result()
                assert status == 503
                assert seconds < WITHIN
        assert server.predict().status == 503
    healed(server, key)


def test_locks_that_come_between_two_calls_hold_no_loop_up(server: Shipped) -> None:
    key = server.do("make_key", team="acme", name="k", opens=[server.chatflow])
    assert server.predict(key).status == 200
    server.stop_control()
    is_over = threading.Event()

    def called() -> set[int]:
        found = set()
        while not is_over.is_set():
            found.add(server.predict(key).status)
        return found

    with part(server, "-shm").open("r+b") as shm, ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(called) for _ in range(4)]
        try:
            for _ in range(3):
                fcntl.lockf(shm, fcntl.LOCK_EX, 4, 124)
                assert server.predict(key).status == 503
                for _ in range(20):
                    assert server.request("GET", "/livez").status == 200
                fcntl.lockf(shm, fcntl.LOCK_UN, 4, 124)
                healed(server, key)
        finally:
            is_over.set()
        assert set().union(*(call.result() for call in calls)) == {200, 503}


def timed(server: Shipped, key: str) -> tuple[int, float]:
    began = time.monotonic()
    return server.predict(key).status, time.monotonic() - began
