"""The connection behind answers of the short way: order, packets, hang-ups, the end, memory."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.wire.guard import MAX_QUEUED
from config.wire.short_way import MAX_IN_A_ROW
from tests.wire.conftest import port_of, start
from tests.wire.echo import HASTE, POURED
from tests.wire.wires import PATIENCE, Connect, Server, Wire

HOST = b"Host: localhost\r\n"
LIVEZ = b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n"
BREAKS = b"Transfer-Encoding: chunked\r\n\r\n"
FLAT_KIB = 8 * 1024  # allocator's whims included
MANY = 20_000


def short(name: str = "now", size: int = 3) -> bytes:
    """A request to the short way."""
    head = f"POST /short/{name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n"
    return head.encode() + b"x" * size


def get(path: str) -> bytes:
    return b"GET " + path.encode() + b" HTTP/1.1\r\n" + HOST + b"\r\n"


def heard(wire: Wire, count: int = 1) -> list[object]:
    """What answered: the length that the short way read, or the application's path."""
    return [answer.get("short", answer.get("path")) for answer in _contents(wire, count)]


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def hall(connect: Connect, name: str) -> int:
    """How many wait there."""
    return int(connect().say(get("/")).hear().content[name])


def release(connect: Connect) -> None:
    connect().say(get("/release")).hear()


@pytest.fixture
def connect_brief(brief: Server) -> Iterator[Connect]:
    yield from _connecting(brief)


def _connecting(server: Server) -> Iterator[Connect]:
    wires: list[Wire] = []

    def connect() -> Wire:
        wires.append(Wire(server))
        return wires[-1]

    yield connect
    for wire in wires:
        wire.socket.close()


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that keeps idle connections briefly, and twenty connections at most."""
    log = tmp_path_factory.mktemp("brief") / "uvicorn.log"
    with _running(log, "--limit-concurrency", "20") as (server, _):
        yield server
    assert "Traceback" not in log.read_text()


@contextmanager
def _running(log: Path, *options: str) -> "Iterator[tuple[Server, subprocess.Popen[bytes]]]":
    process = start(log, "echo:BriefProtocol", *options)
    try:
        yield Server("127.0.0.1", port_of(process, log), process.pid, log), process
    finally:
        process.kill()
        process.wait()


# Order


def test_five_in_one_packet_are_answered_in_order(connect: Connect) -> None:
    wire = connect().say(b"".join(short(size=size) for size in (5, 1, 4, 2, 3)))
    assert heard(wire, 5) == [5, 1, 4, 2, 3]


def test_one_behind_an_answer_that_runs_waits_for_it(connect: Connect) -> None:
    wire = connect().say(get("/hold") + short() + LIVEZ + short(size=4))
    until(lambda: hall(connect, "holding") == 1)
    release(connect)
    assert heard(wire, 4) == ["/hold", "/short/now", "/livez", "/short/now"]


def test_what_comes_behind_one_is_answered_behind_it(connect: Connect) -> None:
    wire = connect().say(short() + LIVEZ)
    assert heard(wire, 2) == [3, "/livez"]
    assert heard(wire.say(short())) == [3]


def test_what_comes_behind_one_that_waits_is_answered_behind_it(connect: Connect) -> None:
    wire = connect().say(short("later") + short(size=4) + LIVEZ)
    until(lambda: hall(connect, "later") == 1)
    release(connect)
    assert heard(wire, 3) == [3, "/short/now", "/livez"]
    assert heard(wire.say(short())) == [3]


@pytest.mark.parametrize("name", ["left", "left-later", "fails"])
def test_what_it_leaves_is_answered_by_the_application(connect: Connect, name: str) -> None:
    wire = connect().say(short(name, 7) + LIVEZ)
    if name == "left-later":
        until(lambda: hall(connect, "later") == 1)
        release(connect)
    answer = wire.hear().content
    assert (answer["path"], answer["body"]) == (f"/short/{name}", 7)
    assert answer["headers"] == ["host", "content-length"]
    assert heard(wire) == ["/livez"]


def test_a_trailer_does_not_join_the_headers(connect: Connect) -> None:
    body = BREAKS + b"3\r\nabc\r\n0\r\nAuthorization: Bearer x\r\n\r\n"
    for name in ("left", "left-later"):
        wire = connect().say(b"POST /short/%b HTTP/1.1\r\n" % name.encode() + HOST + body)
        if name == "left-later":
            until(lambda: hall(connect, "later") == 1)
            release(connect)
        answer = wire.hear().content
        assert (answer["headers"], answer["body"]) == (["host", "transfer-encoding"], 3)


def test_nor_does_a_trailer_in_a_later_packet(connect: Connect) -> None:
    wire = connect().say(b"POST /short/now HTTP/1.1\r\n" + HOST + BREAKS + b"3\r\nabc\r\n")
    time.sleep(0.01)
    answer = wire.say(b"0\r\nAuthorization: Bearer x\r\n\r\n").hear().content
    assert (answer["headers"], answer["body"]) == (["host", "transfer-encoding"], 3)


def test_a_packet_full_of_them_does_not_keep_the_others_waiting(connect: Connect) -> None:
    count = 500
    wire = connect().say(short() * count)
    assert len(wire.hear_all()) <= MAX_IN_A_ROW + 1 + MAX_QUEUED  # as many as may queue up
    wire = connect().say(short() * MAX_IN_A_ROW * 2)
    assert heard(wire, MAX_IN_A_ROW * 2) == [3] * MAX_IN_A_ROW + ["/short/now"] * MAX_IN_A_ROW


# Packets


def test_two_may_be_split_anywhere(connect: Connect) -> None:
    first, second = short(size=5), short(size=4)
    whole = first + second
    for cut in range(1, len(whole)):
        wire = connect().say(whole[:cut])
        time.sleep(0.002)
        wire.say(whole[cut:])
        lengths = [answer.get("short", answer.get("body")) for answer in _contents(wire, 2)]
        assert lengths == [5, 4], cut  # whichever way they went


def _contents(wire: Wire, count: int) -> list[dict[str, object]]:
    return [wire.hear().content for _ in range(count)]


def test_a_body_may_come_byte_by_byte(connect: Connect) -> None:
    wire = connect()
    for byte in short(size=4) * 2:
        wire.say(bytes([byte]))
        time.sleep(0.001)
    lengths = [answer.get("short", answer.get("body")) for answer in _contents(wire, 2)]
    assert lengths == [4, 4]


@pytest.mark.parametrize("before", [b"", short("now"), LIVEZ])
@pytest.mark.parametrize("body", [b"nonsense", b"3\r\nabc\r\nnonsense", b"3\r\nabcdef"])
@pytest.mark.parametrize("is_split", [True, False])
def test_a_body_that_breaks_is_told_400_once(
    connect: Connect, before: bytes, body: bytes, is_split: bool
) -> None:
    head = before + b"POST /short/now HTTP/1.1\r\n" + HOST + BREAKS
    wire = connect().say(head)
    if is_split:
        time.sleep(0.01)
    assert wire.say(body).hear_all() == [*[200] * bool(before), 400]


def test_a_trailer_of_101_fields_is_refused(connect: Connect) -> None:
    fields = b"".join(b"X-%d: 1\r\n" % number for number in range(101))
    body = BREAKS + b"3\r\nabc\r\n0\r\n" + fields + b"\r\n"
    assert connect().say(b"POST /short/now HTTP/1.1\r\n" + HOST + body).hear_all() == [431]


def test_one_that_waits_before_a_bad_request_is_answered(connect: Connect) -> None:
    wire = connect().say(short("later") + b"nonsense\r\n\r\n")
    until(lambda: hall(connect, "later") == 1)
    release(connect)
    assert wire.hear_all() == [200, 400]


# Who leaves, who doesn't read, who rests


@pytest.mark.parametrize("name", ["later", "left-later"])
def test_who_leaves_while_one_waits_leaves_no_trace(
    connect: Connect, server: Server, name: str
) -> None:
    wire = connect().say(short(name) + LIVEZ)
    until(lambda: hall(connect, "later") == 1)
    wire.socket.close()
    time.sleep(0.01)
    release(connect)
    assert heard(connect().say(short())) == [3]
    assert server.log is not None
    assert "Traceback" not in server.log.read_text()


def test_a_connection_rests_for_its_time_behind_an_answer(connect_brief: Connect) -> None:
    wire = connect_brief().say(short())
    assert heard(wire) == [3]
    began = time.monotonic()
    assert wire.hear_all() == []
    assert time.monotonic() - began >= HASTE / 2 - 0.05


@pytest.mark.parametrize("name", ["/hold", "later", "body"])
def test_what_runs_behind_an_answer_is_no_rest(connect_brief: Connect, name: str) -> None:
    behind = {"/hold": get("/hold"), "later": short("later"), "body": short(size=9)[:-1]}[name]
    wire = connect_brief().say(short() + behind)
    assert heard(wire) == [3]
    time.sleep(2 * HASTE)
    if name == "body":
        wire.say(b"x")
    else:
        release(connect_brief)
    assert heard(wire) == [{"/hold": "/hold", "later": 3, "body": "/short/now"}[name]]


def test_a_head_begun_behind_an_answer_may_not_take_for_ever(connect_brief: Connect) -> None:
    wire = connect_brief().say(short() + b"POST /short/now HT")
    assert heard(wire) == [3]
    assert wire.hear_all() == []
    wire = connect_brief().say(short())
    assert heard(wire) == [3]
    assert wire.say(b"POST /short/now HT").hear_all() == [408]


def test_who_does_not_read_an_answer_is_hung_up_on(connect_brief: Connect, brief: Server) -> None:
    wire = connect_brief().say(short("pour"))
    until(lambda: brief.log is not None and "does not read" in brief.log.read_text())
    assert wire.hear_bytes() < POURED


def test_one_behind_an_unread_answer_waits_until_it_is_taken(connect: Connect) -> None:
    wire = connect().say(short("pour") + short())
    last = b""
    while b"/short/now" not in last or not last.endswith(b"}"):
        came = wire.socket.recv(65536)
        assert came, "closed before the second answer"
        last = last[-4096:] + came


def test_over_the_limit_of_connections_it_is_refused(connect_brief: Connect) -> None:
    held = []
    for _ in range(25):
        held.append(connect_brief().say(get("/hold")))
        time.sleep(0.01)  # one whose request is not here yet would give way to the next
    assert connect_brief().say(short()).hear().status == 503
    for wire in held:
        wire.socket.close()
    until(lambda: connect_brief().say(short()).hear().status == 200)


def test_one_that_waits_is_answered_before_the_end(tmp_path: Path) -> None:
    with (
        _running(tmp_path / "log") as (server, process),
        contextmanager(_connecting)(server) as connect,
    ):
        waiting, resting = connect().say(short("later")), connect().say(short())
        assert heard(resting) == [3]
        releasing = connect().say(
            b"GET /release HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\n\r\n"
        )
        until(lambda: hall(connect, "later") == 1)
        process.send_signal(signal.SIGTERM)
        assert resting.hear_all() == []
        releasing.say(b"x")
        answer = waiting.hear()
        assert (answer.content, answer.headers["connection"]) == ({"short": 3}, "close")
        assert waiting.hear_all() == []
        assert process.wait(PATIENCE) in (0, -signal.SIGTERM)
        assert "Traceback" not in (tmp_path / "log").read_text()


def test_many_answers_on_one_connection_leave_memory_flat(connect: Connect, server: Server) -> None:
    wire = connect()
    before = 0
    for number in range(MANY // MAX_IN_A_ROW):
        wire.say(short(size=100) * MAX_IN_A_ROW)
        assert heard(wire, MAX_IN_A_ROW) == [100] * MAX_IN_A_ROW
        if number == 50:
            before = server.resident_kib()
    assert server.resident_kib() - before < FLAT_KIB
