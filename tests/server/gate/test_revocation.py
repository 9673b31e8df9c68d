"""Revocation has no latency: a request that begins after the reply is refused, everywhere."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.server import workers
from tests.server.forks import PATIENCE
from tests.server.pairs import PROGRAM
from tests.server.shipped import OWNER, SERVE, Shipped, start

pytestmark = pytest.mark.server

FLIPS = [60, pytest.param(400, marks=pytest.mark.large)]
PROCESSES = 3
CONNECTIONS = 12  # kept alive, four to each process
WORKERS = 4
PER_WORKER = 5  # connections kept alive to each worker of one server
WORKER_FLIPS = 250  # half of them close: 2,500 requests begun after the reply


class Caller:
    """A kept-alive connection that asks the same question again and again."""

    def __init__(self, server: Shipped, key: str, port: int) -> None:
        body = json.dumps({"question": "What is Flowlatch?"}).encode()
        self._request = (
            f"POST /api/v1/prediction/{server.chatflow} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._file = self._socket.makefile("rb")

    @property
    def port(self) -> int:
        """Its own end's port."""
        port: int = self._socket.getsockname()[1]
        return port

    def ask(self) -> None:
        """Send the question."""
        self._socket.sendall(self._request)

    def status(self) -> int:
        """Read the answer."""
        status = int(self._file.readline().split()[1])
        length = 0
        while (line := self._file.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        self._file.read(length)
        return status

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Shipped]]:
    """Three server processes on one database."""
    folder = tmp_path_factory.mktemp("three")
    servers = _start(folder)
    yield servers
    assert [server.stop() for server in servers] == [0] * PROCESSES


def _start(folder: Path, command: tuple[str, ...] = SERVE, **env: str) -> list[Shipped]:
    return [start(folder, {**OWNER, **env}, command=command) for _ in range(PROCESSES)]


def _wrong_answers(
    servers: list[Shipped],
    close: Callable[[], None],
    open_: Callable[[], None],
    key: str,
    flips: int,
) -> int:
    with ExitStack() as stack:
        ports = [servers[n % PROCESSES].port for n in range(CONNECTIONS)]
        callers = [Caller(servers[0], key, port) for port in ports]
        for caller in callers:
            stack.callback(caller.close)
        return _wrong_of(callers, close, open_, flips)


def _wrong_of(
    callers: list[Caller], close: Callable[[], None], open_: Callable[[], None], flips: int
) -> int:
    wrong = 0
    for flip in range(flips):
        is_closed = flip % 2 == 0
        (close if is_closed else open_)()
        for caller in callers:
            caller.ask()
        statuses = [caller.status() for caller in callers]
        wrong += sum(
            (status not in (401, 403)) if is_closed else status != 200 for status in statuses
        )
    return wrong


@pytest.mark.parametrize("flips", FLIPS)
def test_no_request_after_the_reply_is_let_in_over_three_processes(
    three: list[Shipped], flips: int
) -> None:
    server, name = three[0], f"flipped {flips} times"
    key = server.do("make_key", team="acme", name=name, opens=[server.chatflow])

    def disable() -> None:
        server.do("disable", name=name)

    def enable() -> None:
        server.do("enable", name=name)

    assert _wrong_answers(three, disable, enable, key, flips) == 0


@pytest.mark.large
def test_nor_is_one_that_goes_the_ordinary_way(tmp_path: Path) -> None:
    servers = _start(tmp_path, command=PROGRAM, WAY="ordinary")
    server = servers[0]
    try:
        key = server.do("make_key", team="acme", name="flipped", opens=[server.chatflow])

        def disable() -> None:
            server.do("disable", name="flipped")

        def enable() -> None:
            server.do("enable", name="flipped")

        assert _wrong_answers(servers, disable, enable, key, 100) == 0
    finally:
        for each in servers:
            each.stop()


def test_unselecting_and_suspending_have_no_latency_either(three: list[Shipped]) -> None:
    server = three[0]
    key = server.do("make_key", team="acme", name="chosen", opens=[server.chatflow])

    def unselect() -> None:
        server.do("save_access", chatflow=server.chatflow, mode="keys", opens_for=[])

    def select() -> None:
        server.do("save_access", chatflow=server.chatflow, mode="keys", opens_for=["chosen"])

    def turn_off() -> None:
        server.do("save_access", chatflow=server.chatflow, mode="off", opens_for=["chosen"])

    def suspend() -> None:
        server.do("suspend", team="acme", is_suspended=True)

    def resume() -> None:
        server.do("suspend", team="acme", is_suspended=False)

    assert _wrong_answers(three, unselect, select, key, 40) == 0
    assert _wrong_answers(three, turn_off, select, key, 40) == 0
    assert _wrong_answers(three, suspend, resume, key, 40) == 0


def test_disabling_a_service_account_has_no_latency_either(three: list[Shipped]) -> None:
    server = three[0]
    server.do("make_account", team="acme", name="crm")
    key = server.do("make_key", team="acme", name="of crm", opens=[server.chatflow], account="crm")

    def disable() -> None:
        server.do("disable_account", name="crm")

    def enable() -> None:
        server.do("enable_account", name="crm")

    assert _wrong_answers(three, disable, enable, key, 40) == 0


def test_the_same_race_catches_a_reader_that_caches(tmp_path: Path) -> None:
    servers = _start(tmp_path, command=("-m", "tests.server.cached"))
    server = servers[0]
    try:
        key = server.do("make_key", team="acme", name="cached", opens=[server.chatflow])

        def disable() -> None:
            server.do("disable", name="cached")

        def enable() -> None:
            server.do("enable", name="cached")

        assert _wrong_answers(servers, disable, enable, key, 4) > 0
    finally:
        for each in servers:
            each.stop()


def _spread(server: Shipped, key: str, stack: ExitStack) -> list[Caller]:
    """Callers kept alive, PER_WORKER to each worker process."""
    held: dict[int, list[Caller]] = {pid: [] for pid in workers.pids(server)}
    assert len(held) == WORKERS
    for _ in range(200 * WORKERS):
        callers = [Caller(server, key, server.port) for _ in range(8)]
        for caller in callers:  # at once: an idle server would give them all to one worker
            caller.ask()
        for caller in callers:
            caller.status()
            pid = workers.holder(server, caller.port)
            if pid is not None and len(held[pid]) < PER_WORKER:
                held[pid].append(caller)
                stack.callback(caller.close)
            else:
                caller.close()
        if all(len(mine) == PER_WORKER for mine in held.values()):
            return [caller for mine in held.values() for caller in mine]
    raise AssertionError({pid: len(mine) for pid, mine in held.items()})


def _race_over_workers(folder: Path, command: tuple[str, ...], flips: int) -> int:
    server = start(folder, {**OWNER, "WEB_CONCURRENCY": str(WORKERS)}, command=command)
    try:
        _wait_for_workers(server)
        key = server.do("make_key", team="acme", name="raced", opens=[server.chatflow])
        with ExitStack() as stack:
            callers = _spread(server, key, stack)
            wrong = _wrong_of(
                callers,
                lambda: server.do("disable", name="raced"),
                lambda: server.do("enable", name="raced"),
                flips,
            )
    finally:
        status = server.stop()
    assert status == 0
    assert "Traceback" not in server.log
    return wrong


def _wait_for_workers(server: Shipped) -> None:
    deadline = time.monotonic() + PATIENCE
    while len(workers.pids(server)) < WORKERS:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.large
def test_no_request_after_the_reply_is_let_in_over_four_workers(tmp_path: Path) -> None:
    assert WORKER_FLIPS // 2 * WORKERS * PER_WORKER == 2500
    assert _race_over_workers(tmp_path, SERVE, WORKER_FLIPS) == 0


@pytest.mark.large
def test_the_race_over_workers_catches_a_reader_that_caches(tmp_path: Path) -> None:
    assert _race_over_workers(tmp_path, ("-m", "tests.server.cached"), 4) > 0
