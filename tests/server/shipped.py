"""The shipped server in a folder of its own, as `make run` starts it, and a client for it."""

import fcntl
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from tests import postgres
from tests.ports import free_port
from tests.server import forks
from tests.server.forks import PATIENCE, ROOT, Forked

PREPARED = "TEST_PREPARED"  # where tests/settings.py says which folder first starts are kept in
POSTGRES = "TEST_POSTGRES_URL"  # where tests/settings.py says which server the tests have
SERVE = ("manage.py", "serve")
OWNER = {
    "OWNER_EMAIL": "alice@acme.example",
    "OWNER_USERNAME": "alice",
    "OWNER_PASSWORD": "correct horse battery staple",
    "TEAM_NAME": "Acme",
}


def environment(folder: Path, **more: str) -> dict[str, str]:
    """An environment with none of our names but these."""
    ours = re.compile(
        r"OWNER_|FLOW_|TEAM_NAME|FLOWLATCH_|PORT$|HOST$|PUBLIC_URL|DJANGO_|DATABASE_URL|LIMITS_URL|WEB_CONCURRENCY"
        r"|EMAIL_URL|MAIL_FROM|METRICS_TOKEN|WORKER$|TRUSTED_PROXIES|CURRENCY$|APIKEY_PATH$"
    )
    kept = {name: value for name, value in os.environ.items() if not ours.match(name)}
    kept["PYTHONWARNINGS"] = "default"
    database = {} if "DATABASE_URL" in more else _database(folder)
    return {**kept, **database, "FLOWLATCH_DATA": str(folder), **more}


def _database(folder: Path) -> dict[str, str]:
    server = os.environ.get(POSTGRES)
    if server is None:
        return {}
    return {"DATABASE_URL": postgres.create_database(server, _database_name(folder))}


def _database_name(folder: Path) -> str:
    return "shipped_" + hashlib.sha256(str(folder).encode()).hexdigest()[:16]


@dataclass
class Answer:
    """A response, read whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def without_request_id(self) -> tuple[int, dict[str, str], bytes]:
        """Everything that must not tell two refusals apart."""
        request_id = self.headers["x-request-id"]
        headers = {n: v for n, v in self.headers.items() if n not in ("x-request-id", "date")}
        return self.status, headers, self.body.replace(request_id.encode(), b"-")


@dataclass
class Shipped:
    """A running server."""

    folder: Path
    port: int
    process: "subprocess.Popen[str] | Forked"
    chatflow: str = ""
    env: dict[str, str] = field(default_factory=dict)
    host: str = "127.0.0.1"  # where `request` connects
    _control: Forked | None = None
    _answers: TextIO | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """All that it has printed, logs and greeting."""
        return (self.folder / "server.log").read_text()

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request on a connection of its own; a body that is not bytes is sent as JSON."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        head = dict(headers or {})
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if data is not None:
            head.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, data, head)
            response = connection.getresponse()
            raw = response.read()
            lowered = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, lowered, raw)
        finally:
            connection.close()

    def predict(self, key: str | None = None, chatflow: str | None = None, **fields: Any) -> Answer:
        """Ask a chatflow."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        body = {"question": "What is Flowlatch?", **fields}
        path = f"/api/v1/prediction/{chatflow or self.chatflow}"
        return self.request("POST", path, body, headers)

    def do(self, command: str, **arguments: Any) -> Any:
        """Run a command of control.py; it is committed when this returns."""
        if self._control is None:
            answers, theirs = os.pipe()
            self._answers = os.fdopen(answers)
            program = ["-m", "tests.server.control"]
            self._control = Forked(program, env=self.env, stdout=theirs, stderr=2)
            os.close(theirs)
        assert self._answers is not None
        self._control.stdin.write(json.dumps([command, arguments]) + "\n")
        self._control.stdin.flush()
        return json.loads(self._answers.readline())

    def wait_for_calls(self, count: int, chatflow: str | None = None) -> list[dict[str, Any]]:
        """The recorded calls, once there are `count`: the recorder writes a moment later."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            rows: list[dict[str, Any]] = self.do("calls", chatflow=chatflow or self.chatflow)
            if len(rows) >= count:
                return rows
            time.sleep(0.02)
        raise AssertionError(f"{count} calls were not recorded")

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run manage.py beside the server."""
        return forks.run(["manage.py", *arguments], self.env)

    def stop_control(self) -> None:
        """End the process that runs commands, which has the database open."""
        if self._control is not None and self._answers is not None:
            self._control.stdin.close()
            self._control.wait(PATIENCE)
            self._answers.close()
            self._control = None

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it; the exit status."""
        self.stop_control()
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def start(
    folder: Path,
    env: dict[str, str] = OWNER,
    *,
    command: tuple[str, ...] = SERVE,
    is_first: bool = False,
    is_fork: bool = True,
    host: str = "127.0.0.1",
    port: int | None = None,
) -> Shipped:
    """Start a server and wait until it answers. Raises AssertionError with its output if not.

    Where alice is to own an empty folder, it becomes a copy of one that a first start has filled;
    with `is_first` it stays as it is. The server is a fork with the packages loaded; without
    `is_fork`, and where it has several processes, it is the program itself.
    """
    folder.mkdir(parents=True, exist_ok=True)
    is_alices = env.items() >= OWNER.items() and "DATABASE_URL" not in env
    if is_alices and not is_first and PREPARED in os.environ and not any(folder.iterdir()):
        fill(folder)
    port = port or free_port()
    run = _fork if is_fork and "WEB_CONCURRENCY" not in env else _program
    env = environment(folder, **{**env, "PORT": str(port)})
    log = folder / "server.log"
    with log.open("a") as file:
        process = run(command, env, file)
    server = Shipped(folder, port, process, env=env, host=host)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if server.request("GET", "/livez").status == 200:
                found = re.search(r"prediction/([0-9a-f-]{36})", log.read_text())
                server.chatflow = found[1] if found else ""
                return server
        except OSError:
            time.sleep(0.05)
    server.stop()
    raise AssertionError(f"The server did not start: {log.read_text()}")


def fill(folder: Path) -> None:
    """Make what a first start of alice's makes, without a start.

    The first who needs it makes the folder for all of pytest's processes; each gets a copy.
    """
    home = Path(os.environ[PREPARED])
    filled, is_done = home / "filled", home / "is-done"
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_done.exists():
            assert start(filled, OWNER, is_first=True, is_fork=False).stop() == 0
            (filled / "server.log").unlink()
            is_done.touch()
    shutil.copytree(filled, folder, dirs_exist_ok=True)
    if POSTGRES in os.environ:
        names = _database_name(folder), _database_name(filled)
        postgres.copy_database(os.environ[POSTGRES], *names)


def _fork(command: tuple[str, ...], env: dict[str, str], log: TextIO) -> Forked:
    return Forked([*command], env=env, stdout=log.fileno(), stderr=log.fileno())


def _program(command: tuple[str, ...], env: dict[str, str], log: TextIO) -> "subprocess.Popen[str]":
    program = [sys.executable, *command]
    return subprocess.Popen(
        program, cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT, text=True
    )
