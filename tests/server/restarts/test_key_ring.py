"""The life of the key ring beside two serving processes and a worker, while calls go on."""

import os
import signal
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from accounts.crypto.keyring import Purpose
from tests.server.forks import PATIENCE, Forked
from tests.server.shipped import OWNER, Shipped, start

pytestmark = pytest.mark.server
ENV = {**OWNER, "WEB_CONCURRENCY": "2", "WORKER": "external"}


@contextmanager
def worker(server: Shipped) -> Iterator[None]:
    """A worker of its own beside a server."""
    with (server.folder / "worker.log").open("a") as log:
        process = Forked(["manage.py", "worker"], env=server.env, stdout=log.fileno(), stderr=2)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(PATIENCE)
    assert status == 0


@contextmanager
def calls(server: Shipped, key: str) -> Iterator[list[int]]:
    """Call again and again meanwhile. Every call has to be let in."""
    statuses: list[int] = []
    is_over = threading.Event()

    def call() -> None:
        while not is_over.wait(0.01):
            statuses.append(server.predict(key).status)

    caller = threading.Thread(target=call)
    caller.start()
    try:
        yield statuses
    finally:
        is_over.set()
        caller.join()
    assert set(statuses) == {200}


def keyring(server: Shipped, *step: str) -> str:
    """What a step of `manage.py keyring` prints, which has to succeed."""
    done = server.manage("keyring", *step)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rotated(server: Shipped, step: str, purpose: str) -> object:
    """What a step returns; within seconds the processes are ready for it."""
    deadline = time.monotonic() + PATIENCE
    while isinstance(done := server.do("rotate_ring", step=step, purpose=purpose), str):
        assert time.monotonic() < deadline, done
        time.sleep(0.05)
    return done


def until_three_run(server: Shipped) -> None:
    """Wait until each process has said what it uses."""
    deadline = time.monotonic() + PATIENCE
    while len(server.do("peppers")) != 3:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.large
def test_a_new_pepper_comes_into_use_while_calls_go_on(tmp_path: Path) -> None:
    server = start(tmp_path, ENV)
    key = server.do("make_key", team="acme", name="crm", opens=[server.chatflow])
    with worker(server), calls(server, key):
        until_three_run(server)
        assert keyring(server, "add", "pepper").startswith("A new version heals no leak.")
        assert rotated(server, "use", "pepper") == 2
        assert rotated(server, "retire", "pepper") == [1]
        status = keyring(server, "status")
        assert "pepper version 1" not in status
        assert status.count("uses pepper 2") == 3
    assert server.predict(f"{key[:-1]}{'a' if key[-1] != 'a' else 'b'}").status == 401
    assert server.manage("verify_audit").returncode == 0
    path = tmp_path / "keyring.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    os.truncate(path, 100)
    done = server.manage("verify_audit")
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith("CommandError: The key ring")
    assert done.stderr.count("\n") == 1
    assert server.predict(key).status == 200  # who serves goes on with what it has
    assert server.stop() == 0
    assert "Traceback" not in server.log


@pytest.mark.large
@pytest.mark.parametrize("purpose", list(Purpose))
def test_each_purpose_bears_a_restart_in_each_state(tmp_path: Path, purpose: Purpose) -> None:
    server = start(tmp_path, ENV)
    key = server.do("make_key", team="acme", name="crm", opens=[server.chatflow])
    for step in ("add", "use", "retire"):
        with worker(server), calls(server, key):
            until_three_run(server)
            if step != "retire":
                rotated(server, step, purpose)
            elif purpose is Purpose.AUDIT:
                assert server.manage("keyring", "retire", "audit").returncode == 1
            elif purpose is Purpose.SIGNING:
                keyring(server, "retire", "signing", "--now")
            else:
                assert rotated(server, "retire", purpose) == [1]
        assert server.stop(signal.SIGKILL if step == "use" else signal.SIGTERM) in (0, -9)
        server = start(tmp_path, ENV)
    assert server.predict(key).status == 200
    assert f"{purpose} version 2: in use" in keyring(server, "status")
    assert server.manage("verify_audit").returncode == 0
    assert server.stop() == 0
    assert "Traceback" not in server.log
