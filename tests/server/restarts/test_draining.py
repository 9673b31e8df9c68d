"""SIGTERM under load: nobody who asked is left without an answer, or without a word."""

import http.client
import json
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chatflows.engines import faults
from tests.chatflows.engines.upstreams import hosting
from tests.server import workers
from tests.server.forks import PATIENCE
from tests.server.shipped import OWNER, Shipped, start
from tests.server.world import World, eventually

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("draining")]

HURRIED = ("-m", "tests.server.hurried")
CHUNK = faults.chunked(
    b'data: {"choices":[{"delta":{"content":"Hello"},"finish_reason":null}]}\n\n'
)
LOST = "lost"


class Callers:
    """Clients that call all the time, some on new connections and some on one that they keep."""

    def __init__(self, server: Shipped, key: str) -> None:
        self._server = server
        self._head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self.seen: Counter[str] = Counter()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._call, args=(keeps,)) for keeps in (False, True) * 4
        ]

    @contextmanager
    def calling(self) -> Iterator["Callers"]:
        """Call while the block runs."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stopping.set()
            for thread in self._threads:
                thread.join()

    def _call(self, keeps: bool) -> None:
        connection = self._connected()
        while not self._stopping.is_set():
            if connection is None:
                time.sleep(0.01)  # refused before anything was sent: a proxy asks the next server
                connection = self._connected()
                continue
            closes = self._ask(connection) or not keeps
            if closes:
                connection.close()
                connection = self._connected()

    def _connected(self) -> http.client.HTTPConnection | None:
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=PATIENCE)
        try:
            connection.connect()
        except ConnectionRefusedError:
            self.seen["refused"] += 1
            return None
        return connection

    def _ask(self, connection: http.client.HTTPConnection) -> bool:
        """Ask, and return whether the connection ends with the answer."""
        path = f"/api/v1/prediction/{self._server.chatflow}"
        body = json.dumps({"question": "What is Flowlatch?"})
        try:
            connection.request("POST", path, body, self._head)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            self.seen[LOST] += 1
            return True
        self.seen[str(response.status)] += 1
        return response.headers.get("connection") == "close"


@pytest.mark.parametrize("processes", ["1", "2"])
def test_no_call_is_lost_when_the_server_stops(tmp_path: Path, processes: str) -> None:
    server = start(tmp_path / "busy", {**OWNER, "WEB_CONCURRENCY": processes})
    key = server.do("make_key", team="acme", name="crm", opens=[server.chatflow])
    with Callers(server, key).calling() as callers:
        assert eventually(lambda: callers.seen["200"] > 100)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE) == 0
        assert eventually(lambda: callers.seen["refused"] > 0)
    assert {*callers.seen} == {"200", "refused"}
    server.stop()


def test_an_answer_says_that_its_connection_ends_and_an_idle_one_may_still_ask(
    tmp_path: Path,
) -> None:
    server = start(tmp_path / "idle", {**OWNER, "SHUTDOWN_DELAY": "60"})
    idle = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    idle.request("GET", "/livez")
    assert idle.getresponse().read() is not None
    server.process.send_signal(signal.SIGTERM)
    assert eventually(lambda: server.request("GET", "/readyz").status == 503)
    ready = server.request("GET", "/readyz")
    assert ready.json()["red"] == ["stopping"]
    assert ready.headers["connection"] == "close"
    assert server.predict(None).status == 401  # it still serves
    server.process.send_signal(signal.SIGTERM)  # does not wait for the delay
    idle.request("GET", "/livez")
    answer = idle.getresponse()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    answer.read()
    assert server.process.wait(PATIENCE) == 0
    server.stop_control()


def test_streams_that_outlive_the_grace_end_with_a_word(tmp_path: Path) -> None:
    with hosting() as host:
        server = start(tmp_path / "long", OWNER, command=HURRIED)
        world = World(server, host)
        begun, mute = (
            world.chatflow("openai", {"base_url": host.listen(handler), "model": "x"})
            for handler in (faults.says(faults.SSE, CHUNK, stays=True), faults.says(stays=True))
        )
        key = world.key(begun, mute)
        question: dict[str, object] = {"question": "?"}
        streamed = {**question, "streaming": True}
        with (
            Asked(server, f"/api/v1/prediction/{begun}", key, streamed) as flowise,
            Asked(server, "/v1/chat/completions", key, completion(begun)) as openai,
            Asked(server, f"/api/v1/prediction/{mute}", key, question) as whole,
        ):
            flowise.until(b"Hello")
            openai.until(b"Hello")
            server.process.send_signal(signal.SIGTERM)
            said, spoken, answered = flowise.rest(), openai.rest(), whole.rest()
        assert server.process.wait(PATIENCE) == 0
        assert b'"event":"error"' in said
        assert b"The server restarts" in said
        assert b'"code":"restarting"' in spoken
        assert b"[DONE]" not in spoken
        assert answered.startswith(b"HTTP/1.1 503")
        assert b'"code":"restarting"' in answered
        assert "answers ended by the stop" in server.log
        server.stop_control()


def test_the_death_of_a_worker_process_is_logged_and_another_takes_its_place(
    tmp_path: Path,
) -> None:
    server = start(tmp_path / "killed", {**OWNER, "WEB_CONCURRENCY": "2"})
    victim, other = workers.pids(server)
    os.kill(victim, signal.SIGKILL)
    assert eventually(lambda: '"worker process started"' in server.log)
    line = next(line for line in server.log.splitlines() if "worker process ended" in line)
    event = json.loads(line)
    assert (event["pid"], event["signal"], event["level"]) == (victim, "SIGKILL", "error")
    assert eventually(lambda: len(workers.pids(server)) == 2)
    assert other in workers.pids(server)
    assert server.stop() == 0
    assert server.log.count("worker process ended") == 1  # those that were told to end are none


def test_an_interrupt_from_the_terminal_loses_no_record(tmp_path: Path) -> None:
    server = start(tmp_path / "interrupted", {**OWNER, "WEB_CONCURRENCY": "2"})
    key = server.do("make_key", team="acme", name="crm", opens=[server.chatflow])
    serving = workers.pids(server)
    assert [server.predict(key).status for _ in range(8)] == [200] * 8
    for pid in (server.process.pid, *serving):  # a terminal sends it to all of them
        os.kill(pid, signal.SIGINT)
    assert server.process.wait(PATIENCE) == 0
    assert len(server.do("calls", chatflow=server.chatflow)) == 8
    server.stop()


def completion(flow: str) -> dict[str, object]:
    """A streamed question in OpenAI's form."""
    return {"model": flow, "stream": True, "messages": [{"role": "user", "content": "?"}]}


class Asked:
    """A question on a connection of its own, and the bytes that come back."""

    def __init__(self, server: Shipped, path: str, key: str, body: Mapping[str, object]) -> None:
        text = json.dumps(body)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
        )
        self._wire = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        self._wire.sendall((head + text).encode())

    def __enter__(self) -> "Asked":
        return self

    def __exit__(self, *_: object) -> None:
        self._wire.close()

    def until(self, words: bytes) -> bytes:
        """What came, up to some words."""
        came = b""
        while words not in came:
            piece = self._wire.recv(65536)
            assert piece, "closed before it came"
            came += piece
        return came

    def rest(self) -> bytes:
        """What comes until the connection ends."""
        came = b""
        while piece := self._wire.recv(65536):
            came += piece
        return came
