"""The worker beside the shipped server: it sends, one process at a time, and ends in time."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.worker import worker
from config.server import GRACE
from tests import mail_servers
from tests.server import workers
from tests.server.forks import PATIENCE, ROOT
from tests.server.shipped import OWNER, Shipped, start

pytestmark = pytest.mark.server
HURRIED = ("-m", "tests.server.hurried")


def until(is_so: Callable[[], Any]) -> Any:
    """The first true answer."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := is_so():
            return found
        time.sleep(0.05)
    raise AssertionError("It did not happen in time")


def mail_to(port: int) -> dict[str, str]:
    return {**OWNER, "EMAIL_URL": f"smtp://127.0.0.1:{port}"}


def holder(server: Shipped) -> int:
    """The process that holds the lease, or 0."""
    name: str = server.do("lease_holder")
    return int(name.split()[-2]) if name else 0


def test_a_queued_mail_is_sent_beside_the_pages(tmp_path: Path) -> None:
    with mail_servers.running() as mailbox:
        server = start(tmp_path, mail_to(mailbox.port))
        server.do("queue_mail", to="eve@example.com")
        until(lambda: mailbox.recipients == ["eve@example.com"])
        assert holder(server) == server.process.pid
        until(lambda: server.do("outbox") == [["sent", 1]])
        server.do("queue_mail", to="vera@example.com")
        until(lambda: len(mailbox.recipients) == 2)
        assert server.stop() == 0
    assert "Traceback" not in server.log


@pytest.mark.large
def test_one_of_several_processes_works_and_another_takes_over_from_a_dead_one(
    tmp_path: Path,
) -> None:
    with mail_servers.running() as mailbox:
        env = {**mail_to(mailbox.port), "WEB_CONCURRENCY": "2"}
        server = start(tmp_path, env, command=HURRIED)
        first = until(lambda: holder(server))
        assert first in workers.pids(server)
        os.kill(first, signal.SIGKILL)
        until(lambda: first not in workers.pids(server))
        server.do("let_leases_run_out")
        second = until(lambda: (pid := holder(server)) != first and pid)
        assert second in workers.pids(server)
        server.do("queue_mail", to="eve@example.com")
        until(lambda: mailbox.recipients == ["eve@example.com"])
        assert server.stop() == 0


@pytest.mark.large
def test_a_killed_sender_leaves_its_mail_to_be_sent(tmp_path: Path) -> None:
    with mail_servers.silent() as port:
        server = start(tmp_path, mail_to(port), command=HURRIED)
        server.do("queue_mail", to="eve@example.com")
        until(lambda: server.do("outbox") == [["waiting", 1]])  # claimed, and held up by the server
        server.stop(signal.SIGKILL)
    with mail_servers.running() as mailbox:
        again = start(tmp_path, mail_to(mailbox.port), command=HURRIED)
        again.do("let_leases_run_out")  # as if the minutes had passed
        until(lambda: mailbox.recipients == ["eve@example.com"])
        until(lambda: again.do("outbox") == [["sent", 2]])
        assert again.stop() == 0


def test_a_stop_waits_for_no_silent_mail_server_beyond_the_grace(tmp_path: Path) -> None:
    assert worker.STOP_WITHIN < GRACE
    with mail_servers.silent() as port:
        server = start(tmp_path, mail_to(port), command=HURRIED)
        server.do("queue_mail", to="eve@example.com")
        until(lambda: server.do("outbox") == [["waiting", 1]])
        assert server.stop() == 0
    assert "jobs cut off" in server.log


@pytest.mark.large
def test_an_external_worker_sends_what_the_servers_leave_to_it(tmp_path: Path) -> None:
    with mail_servers.running() as mailbox:
        server = start(tmp_path, {**mail_to(mailbox.port), "WORKER": "external"})
        server.do("queue_mail", to="eve@example.com")
        alone = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=ROOT,
            env=server.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        until(lambda: mailbox.recipients == ["eve@example.com"])
        assert holder(server) == alone.pid
        alone.send_signal(signal.SIGTERM)
        said, _ = alone.communicate(timeout=PATIENCE)
        assert alone.returncode == 0
        assert "Traceback" not in said
        assert holder(server) == 0
        assert server.stop() == 0
