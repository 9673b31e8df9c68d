"""A rolling restart: two instances behind nginx end and start again while everybody calls."""

import http.client
import itertools
import json
import shutil
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.chatflows.engines.upstreams import Host, hosting
from tests.drill import proxies
from tests.postgres import Postgres, create_database
from tests.server import shipped
from tests.server.forks import PATIENCE
from tests.server.shipped import OWNER, SERVE, Shipped
from tests.server.world import World, eventually

CALLS, STREAMS = 2_000, 200
CALLERS = 8
STREAMS_AT_ONCE = 20
A_LONG_ONE = 20  # of so many streams one takes longer than a server that stops waits for it
SHORT, LONG = "dawdle", "slow"  # four seconds, and minutes: see tests/chatflows/engines/upstreams
KEPT = (*OWNER, "DATABASE_URL", "WEB_CONCURRENCY", "WORKER")  # of the environment
PAUSE = 0.05  # seconds between two calls of one caller
LONGEST = 120.0  # seconds that a client waits for more of an answer


@dataclass
class Load:
    """Callers and readers of streams, and what became of what they asked."""

    port: int
    key: str
    called: str  # the chatflow that is asked for whole answers
    streamed: str  # the chatflow that streams
    calls: int
    streams: int
    seen: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    @property
    def long_streams(self) -> int:
        """How many streams only a restart ends."""
        return max(self.streams // A_LONG_ONE, 1)

    @contextmanager
    def running(self) -> Iterator["Load"]:
        """Ask while the block runs, and until everything that was to be asked has its answer."""
        numbers = itertools.count()
        readers = min(self.streams, STREAMS_AT_ONCE)
        threads = [
            *(threading.Thread(target=self._call) for _ in range(CALLERS)),
            *(threading.Thread(target=self._read, args=(numbers,)) for _ in range(readers)),
        ]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self.is_over.set()
            for thread in threads:
                thread.join()

    def _call(self) -> None:
        while not self.is_over.is_set() or self.seen["whole answers"] < self.calls:
            status, _ = self._ask(self.called, {"question": "What is Flowlatch?"})
            self._note("whole answers" if status == "200" else "lost calls", status)
            if self.lost and self.is_over.is_set():
                return
            time.sleep(PAUSE)

    def _read(self, numbers: Iterator[int]) -> None:
        while (number := next(numbers)) < self.streams:
            is_long = number < self.long_streams  # first, since a restart alone ends them
            question = {"question": LONG if is_long else SHORT, "streaming": True}
            status, body = self._ask(self.streamed, question)
            if '"event":"end"' in body and '"event":"error"' not in body:
                self._note("whole streams", status)
            elif '"event":"error"' in body and "The server restarts" in body:
                self._note("streams that were told", status)
            else:
                self._note("lost streams", f"{status} {body[-100:]}")

    def _note(self, what: str, how: str) -> None:
        self.seen[what] += 1
        if what.startswith("lost"):
            self.lost.append(how)

    def _ask(self, chatflow: str, question: dict[str, object]) -> tuple[str, str]:
        """The status and the body, or what went wrong."""
        head = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONGEST)
        body = b""
        try:
            connection.request("POST", f"/api/v1/prediction/{chatflow}", json.dumps(question), head)
            response = connection.getresponse()
            while piece := response.read1():
                body += piece
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__, body.decode()
        finally:
            connection.close()
        return str(response.status), body.decode()


def rolling(scale: float) -> None:
    """Restart two instances with two processes each, on PostgreSQL."""
    with Postgres() as database:
        restart_both(scale, create_database(database.url, "drill"))


def restart_both(
    scale: float, url: str | None = None, command: tuple[str, ...] = SERVE
) -> Counter[str]:
    """Restart both instances once under load; what became of all that was asked.

    `url` names their database, SQLite if there is none. Raises AssertionError if a call or a
    stream was lost, or a call has no record.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name, hosting() as host:
        folder = Path(name)
        url = url or f"sqlite:///{folder}/drill.sqlite3"
        instances = _instances(folder, url, command)
        try:
            load = _load(folder, instances, host, scale, command)
        finally:
            for each in instances:
                each.stop()
    took = time.monotonic() - began
    print(", ".join(f"{count} {what}" for what, count in load.items()), f"in {took:.0f} s")
    return load


def _instances(folder: Path, url: str, command: tuple[str, ...]) -> list[Shipped]:
    env = {**OWNER, "DATABASE_URL": url, "WEB_CONCURRENCY": "2", "WORKER": "external"}
    first = shipped.start(folder / "first", env, command=command)
    (folder / "second").mkdir(mode=0o700)
    shutil.copy2(first.folder / "keyring.json", folder / "second")
    return [first, shipped.start(folder / "second", env, command=command)]


def _load(
    folder: Path, instances: list[Shipped], host: Host, scale: float, command: tuple[str, ...]
) -> Counter[str]:
    first = instances[0]
    world = World(first, host)
    streamed = world.flowise_flow()
    key = world.key(first.chatflow, streamed)
    calls, streams = round(CALLS * scale), round(STREAMS * scale)
    with proxies.running(folder / "nginx", [each.port for each in instances]) as port:
        load = Load(port, key, first.chatflow, streamed, calls, streams)
        with load.running():
            assert eventually(lambda: len(world.flowise.seen) >= load.long_streams)
            for number, instance in enumerate(instances):
                _wait_for_more(load)
                instances[number] = _restarted(instance, command)
            _wait_for_more(load)
    said = (folder / "nginx/error.log").read_text()[-2000:]
    assert not load.lost, f"{len(load.lost)} lost: {load.lost[:5]}; {dict(load.seen)}; {said}"
    for each in instances:
        assert each.stop() == 0
    recorded = len(first.do("calls", chatflow=first.chatflow))
    first.stop_control()
    assert recorded == load.seen["whole answers"], f"{recorded} records of {dict(load.seen)}"
    return load.seen


def _restarted(instance: Shipped, command: tuple[str, ...]) -> Shipped:
    """End an instance, and start it again at its port."""
    instance.stop_control()
    instance.process.send_signal(signal.SIGTERM)
    assert instance.process.wait(PATIENCE) == 0
    env = {name: instance.env[name] for name in KEPT}
    return shipped.start(instance.folder, env, command=command, port=instance.port)


def _wait_for_more(load: Load) -> None:
    least = load.seen["whole answers"] + 2 * CALLERS
    assert eventually(lambda: load.seen["whole answers"] >= least or load.lost)
