"""Python processes that begin with the packages loaded: forks of one that has imported them.

Half of what a short command costs is the import of packages. None of our own modules is imported
before the fork, and no setting is read: `manage.py` and all that it leads to run in the child as
they would under a new interpreter.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = (
    *("aiohttp", "psycopg", "psycopg_pool", "structlog", "uvicorn", "uvloop", "argon2"),
    *("uvicorn.protocols.http.httptools_impl", "markdown_it", "servestatic", "environ"),
    *("cryptography.hazmat.primitives.ciphers.aead", "csp.middleware", "django.core.management"),
    *("django.db.models", "django.db.backends.sqlite3.base", "django.db.migrations.executor"),
    *("django.db.backends.postgresql.base", "django.template.defaulttags", "django.views.generic"),
    *("django.core.handlers.asgi", "django.contrib.auth.hashers", "lucide"),
)
PATIENCE = 90  # seconds for a start on a machine that is busy with much else
LONGEST = 65_536  # bytes of a request: the arguments and the environment
WIDTH = 16  # bytes of an answer: the process id, and later the exit status


class Forked:
    """A child, to be asked like a subprocess.Popen."""

    def __init__(
        self, arguments: list[str], *, env: dict[str, str], stdout: int, stderr: int
    ) -> None:
        theirs, ours = os.pipe()
        self.stdin: TextIO = os.fdopen(ours, "w")
        self._told, told = os.pipe()
        self.returncode: int | None = None
        request = json.dumps({"arguments": arguments, "env": env}).encode()
        assert len(request) < LONGEST
        socket.send_fds(_parent(), [request], [theirs, stdout, stderr, told])
        for each in (theirs, told):
            os.close(each)
        self.pid = int(os.read(self._told, WIDTH))

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._status(0)

    def wait(self, timeout: float) -> int:
        """The exit status, once it has ended. Raises TimeoutExpired."""
        status = self._status(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return status

    def send_signal(self, number: int) -> None:
        """Send it, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _status(self, within: float) -> int | None:
        if self.returncode is None and select.select([self._told], [], [], within)[0]:
            self.returncode = int(os.read(self._told, WIDTH))
            os.close(self._told)
            self.stdin.close()
        return self.returncode


def run(arguments: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, at most PATIENCE seconds; what it printed."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        child = Forked(arguments, env=env, stdout=output.fileno(), stderr=errors.fileno())
        status = child.wait(PATIENCE)
        for each in (output, errors):
            each.seek(0)
        return subprocess.CompletedProcess(arguments, status, output.read(), errors.read())


@functools.cache
def _parent() -> socket.socket:
    # One for each of pytest's processes; it ends with this one, whose end of the socket closes.
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    parent = subprocess.Popen(
        [sys.executable, "-m", "tests.server.forks", str(theirs.fileno())],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "default"},
        pass_fds=[theirs.fileno()],
    )
    theirs.close()

    def end() -> None:
        ours.close()
        parent.wait()

    atexit.register(end)
    return ours


def _serve(requests: socket.socket) -> dict[str, Any] | None:
    """In the parent: fork at each request until nobody is left to ask. In a child: what to run."""
    told: dict[int, int] = {}

    def reap(*_: object) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                _tell(told.pop(ended[0]), os.waitstatus_to_exitcode(ended[1]))

    signal.signal(signal.SIGCHLD, reap)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        message, files, _, _ = socket.recv_fds(requests, LONGEST, 4)
        if not message:
            return None
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        pid = os.fork()
        if pid == 0:
            for each in (files[3], *told.values()):
                os.close(each)
            _take(files[:3])
            return dict(json.loads(message))
        for each in files[:3]:
            os.close(each)
        told[pid] = files[3]
        os.write(files[3], f"{pid:<{WIDTH}}".encode())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])


def _tell(where: int, status: int) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(where, f"{status:<{WIDTH}}".encode())
    os.close(where)


def _take(files: list[int]) -> None:
    for number, each in enumerate(files):
        os.dup2(each, number)
        os.close(each)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])


def _run(arguments: list[str], env: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(env)
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    for package in PACKAGES:
        importlib.import_module(package)
    gc.freeze()  # what is here stays: a child need not look through it
    with socket.socket(fileno=int(sys.argv[1])) as asking:
        asked = _serve(asking)
    if asked is not None:
        _run(**asked)
