"""What a client may and may not say to the server, told over raw sockets."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from config.wire_guard import STALL_LIFETIME, is_too_slow
from tests.wire.echo import POURED
from tests.wire.wires import Connect, Server, Wire

MIB = 1024 * 1024
FLAT_KIB = 8 * 1024  # what the process may grow while refusing, allocator's whims included
REFUSED = {400, 408, 431}

HOST = b"Host: localhost\r\n"
GET = b"GET /livez HTTP/1.1\r\n" + HOST
POST = b"POST /livez HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"\r\n"

shipped = pytest.mark.shipped


def get(path: str) -> bytes:
    return b"GET " + path.encode() + b" HTTP/1.1\r\n" + HOST + END


def head_of(size: int, start: bytes = GET) -> bytes:
    return start + b"X-Pad: " + b"a" * (size - len(start) - 11) + b"\r\n\r\n"


def fields(count: int) -> bytes:
    return b"".join(b"X-%d: 1\r\n" % number for number in range(count))


def status(connect: Connect, request: bytes) -> int:
    return connect().say(request).hear().status


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def on_hold(connect: Connect, count: int) -> bool:
    return bool(connect().say(get("/")).hear().content["holding"] == count)


# The size of a head


@shipped
def test_a_head_of_16384_bytes_passes_and_one_more_is_refused(connect: Connect) -> None:
    assert status(connect, head_of(16384)) not in REFUSED
    assert status(connect, head_of(16385)) == 431


@shipped
def test_a_head_is_counted_the_same_when_it_comes_in_pieces(connect: Connect) -> None:
    for size, is_refused in ((16384, False), (16385, True)):
        wire = connect()
        head = head_of(size)
        for start in range(0, size, 4000):
            wire.say(head[start : start + 4000])
            time.sleep(0.002)
        assert (wire.hear().status == 431) is is_refused


@shipped
def test_the_second_head_on_a_connection_is_counted_from_its_own_start(connect: Connect) -> None:
    wire = connect()
    assert wire.say(head_of(16384)).hear().status not in REFUSED
    assert wire.say(head_of(16384)).hear().status not in REFUSED
    assert wire.say(head_of(16385)).hear().status == 431


@shipped
def test_a_large_head_behind_a_body_in_the_same_packet_is_refused(connect: Connect) -> None:
    wire = connect().say(POST + b"Content-Length: 3\r\n\r\nabc" + head_of(20000))
    statuses = wire.hear_all()
    assert len(statuses) == 2
    assert statuses[1] == 431


@shipped
def test_100_fields_pass_and_101_are_refused(connect: Connect) -> None:
    assert status(connect, GET + fields(99) + END) not in REFUSED
    assert status(connect, GET + fields(100) + END) == 431


@shipped
def test_a_request_line_of_20_kib_is_refused(connect: Connect) -> None:
    assert status(connect, get("/" + "a" * 20480)) == 431


@shipped
def test_a_head_of_blank_lines_only_is_refused(connect: Connect) -> None:
    assert connect().say(b"\r\n" * 10000).hear_all() == [431]


@shipped
def test_a_32_mib_header_is_refused_and_memory_stays_flat(connect: Connect, server: Server) -> None:
    connect().say(head_of(40000)).hear()
    before = server.resident_kib()
    assert status(connect, head_of(32 * MIB)) == 431
    assert server.resident_kib() - before < FLAT_KIB


@shipped
def test_a_refused_client_is_not_cut_off_before_it_has_read_why(connect: Connect) -> None:
    wire = connect()
    wire.socket.sendall(head_of(8 * MIB))  # would raise if the connection were reset
    assert wire.hear_all() == [431]


@shipped
def test_eight_endless_headers_at_once_leave_memory_flat(connect: Connect, server: Server) -> None:
    before = server.resident_kib()
    wires = [connect().say(GET + b"X: ") for _ in range(8)]
    flood = b"a" * MIB
    talkers = [
        threading.Thread(target=lambda w=wire: [w.say(flood) for _ in range(8)]) for wire in wires
    ]
    for talker in talkers:
        talker.start()
    for talker in talkers:
        talker.join()
    assert server.resident_kib() - before < FLAT_KIB
    assert [wire.hear_all() for wire in wires] == [[431]] * 8


# The time of a head


@shipped
def test_a_silent_connection_is_told_408_and_closed(connect: Connect) -> None:
    assert connect().hear_all() == [408]


@shipped
def test_a_head_that_dribbles_is_told_408_and_closed(connect: Connect) -> None:
    wire = connect()
    is_told = threading.Event()

    def dribble() -> None:
        wire.say(GET + b"X: ")
        while not is_told.wait(0.05):
            wire.say(b"a")

    talker = threading.Thread(target=dribble)
    talker.start()
    try:
        assert wire.hear_all() == [408]
    finally:
        is_told.set()
        talker.join()


@shipped
def test_a_slow_second_head_is_told_408_and_closed(connect: Connect) -> None:
    wire = connect().say(GET + END)
    wire.hear()
    assert wire.say(b"GET /livez HTTP").hear_all() == [408]


def test_an_idle_connection_between_requests_outlives_the_head_time(connect: Connect) -> None:
    wire = connect().say(GET + END)
    wire.hear()
    assert connect().hear_all() == [408]  # a younger connection, and its time is up
    assert wire.say(GET + END).hear().status == 200


def test_a_body_may_come_slower_than_a_head(connect: Connect) -> None:
    wire = connect().say(POST + b"Content-Length: 6\r\n\r\nabc")
    assert connect().hear_all() == [408]
    assert wire.say(b"def").hear().content["body"] == 6


def test_the_rest_of_a_body_already_answered_may_not_dribble_for_ever(connect: Connect) -> None:
    wire = connect().say(b"POST /early HTTP/1.1\r\n" + HOST + b"Content-Length: 99999\r\n\r\n")
    assert wire.hear().status == 200
    until(lambda: _is_closed(wire.say(b"a")))


def _is_closed(wire: Wire) -> bool:
    wire.socket.settimeout(0.02)
    try:
        return wire.socket.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True


def test_a_body_that_breaks_after_its_answer_is_not_answered_twice(connect: Connect) -> None:
    start = b"POST /early HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    wire = connect().say(start)
    assert wire.hear().status == 200
    assert wire.say(b"nonsense\r\n").hear_all() == []


def test_a_long_answer_does_not_use_up_the_next_head_s_time(connect: Connect) -> None:
    wire = connect().say(get("/hold") + b"GET /li")
    until(lambda: on_hold(connect, 1))
    wire.say(b"vez HT")
    assert connect().hear_all() == [408]
    connect().say(get("/release")).hear()
    assert wire.hear().status == 200
    assert wire.say(b"TP/1.1\r\n" + HOST + END).hear().status == 200


# What an answer of the guard looks like


@shipped
@pytest.mark.parametrize(
    ("request_", "code"), [(b"nonsense\r\n\r\n", 400), (head_of(20000), 431), (b"GET", 408)]
)
def test_a_refusal_is_plain_text_uncached_and_closes(
    connect: Connect, request_: bytes, code: int
) -> None:
    wire = connect().say(request_)
    answer = wire.hear()
    assert answer.status == code
    assert answer.headers["connection"] == "close"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert b"<" not in answer.body
    assert wire.hear_all() == []


# Malformed requests


MALFORMED = {
    "a doubled content-length": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "conflicting content-lengths": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "a list of content-lengths": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "a signed content-length": POST + b"Content-Length: +3\r\n\r\nabc",
    "a content-length beyond 64 bits": POST + b"Content-Length: 99999999999999999999\r\n\r\n",
    "chunked and content-length": POST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "content-length and chunked": POST
    + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked behind another coding": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked behind identity": POST
    + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a bare line feed after the request line": b"GET / HTTP/1.1\nHost: localhost\r\n\r\n",
    "a bare line feed after a field": GET + b"X: a\nY: b\r\n\r\n",
    "a bare line feed as the end": GET + b"\n",
    "a bare carriage return": GET + b"X: a\rb\r\n\r\n",
    "a NUL in a value": GET + b"X: a\0b\r\n\r\n",
    "a control byte in a value": GET + b"X: a\x01b\r\n\r\n",
    "a DEL in a value": GET + b"X: a\x7fb\r\n\r\n",
    "a byte beyond ASCII in a name": GET + b"X\x80: a\r\n\r\n",
    "a control byte in the path": b"GET /\x01 HTTP/1.1\r\n" + HOST + END,
    "a path beyond ASCII": "GET /é HTTP/1.1\r\n".encode() + HOST + END,
    "a folded field": GET + b"X: a\r\n b\r\n\r\n",
    "a folded first field": b"GET / HTTP/1.1\r\n Host: localhost\r\n\r\n",
    "a field without a colon": GET + b"nonsense\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/0.9 by name": b"GET / HTTP/0.9\r\n\r\n",
    "HTTP/2 by name": b"GET / HTTP/2.0\r\n" + HOST + END,
    "the HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": GET + b"Host: example.org\r\n\r\n",
    "a tunnel": b"CONNECT example.org:443 HTTP/1.1\r\n" + HOST + END,
    "a URL without a path": b"GET http://example.org HTTP/1.1\r\n" + HOST + END,
    "a malformed chunk size": CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk longer than its size": CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n",
    "a bare line feed in a chunk": CHUNKED + b"3\nabc\n0\n\n",
    "a content-length in the trailer": CHUNKED + b"0\r\nContent-Length: 3\r\n\r\n",
}


@shipped
@pytest.mark.parametrize("request_", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_request_is_refused_with_one_400(connect: Connect, request_: bytes) -> None:
    assert connect().say(request_).hear_all() == [400]


# Bodies


def test_a_chunked_body_of_single_bytes_passes(connect: Connect) -> None:
    answer = connect().say(CHUNKED + b"1\r\nx\r\n" * 50000 + b"0\r\n\r\n").hear()
    assert answer.content["body"] == 50000


@shipped
def test_an_endless_chunk_extension_is_refused(connect: Connect) -> None:
    assert connect().say(CHUNKED + b"3;" + b"x" * MIB).hear_all() == [400]


@shipped
def test_an_endless_trailer_is_refused(connect: Connect) -> None:
    trailer = CHUNKED + b"3\r\nabc\r\n0\r\nX: "
    assert connect().say(trailer + b"x" * MIB).hear_all() == [400]


@shipped
def test_a_trailer_of_100_fields_passes_and_101_are_refused(connect: Connect) -> None:
    body = CHUNKED + b"3\r\nabc\r\n0\r\n"
    assert status(connect, body + fields(100) + END) not in REFUSED
    assert connect().say(body + fields(101) + END).hear_all() == [431]


def test_a_trailer_does_not_join_the_headers(connect: Connect) -> None:
    answer = connect().say(CHUNKED + b"0\r\nAuthorization: Bearer x\r\n\r\n").hear()
    assert answer.content["headers"] == ["host", "transfer-encoding"]


# Several requests on one connection


def test_five_pipelined_requests_are_answered_in_order(connect: Connect) -> None:
    paths = [f"/{number}" for number in range(5)]
    wire = connect().say(b"".join(get(path) for path in paths))
    assert [wire.hear().content["path"] for _ in paths] == paths


@shipped
@pytest.mark.parametrize(("bad", "code"), [(b"nonsense\r\n\r\n", 400), (head_of(20000), 431)])
def test_a_good_request_before_a_bad_one_is_answered(
    connect: Connect, bad: bytes, code: int
) -> None:
    first, second = connect().say(GET + END + bad).hear_all()
    assert first not in REFUSED
    assert second == code


def test_every_request_on_hold_before_a_bad_one_is_answered(connect: Connect) -> None:
    wire = connect().say(get("/hold") + get("/2") + get("/3") + b"nonsense\r\n\r\n")
    until(lambda: on_hold(connect, 1))
    connect().say(get("/release")).hear()
    assert wire.hear_all() == [200, 200, 200, 400]


def test_a_queued_request_with_a_broken_body_is_the_one_refused(connect: Connect) -> None:
    wire = connect().say(get("/hold") + CHUNKED + b"nonsense\r\n")
    until(lambda: on_hold(connect, 1))
    connect().say(get("/release")).hear()
    assert wire.hear_all() == [200, 400]


def test_100000_pipelined_requests_leave_memory_flat(connect: Connect, server: Server) -> None:
    before = server.resident_kib()
    wire = connect().say(get("/hold"))
    until(lambda: on_hold(connect, 1))
    talker = threading.Thread(target=wire.say, args=(get("/") * 100_000,))
    talker.start()
    talker.join(0.3)
    assert server.resident_kib() - before < FLAT_KIB
    connect().say(get("/release")).hear()
    assert 1 < len(wire.hear_all()) <= 66
    talker.join()
    assert server.resident_kib() - before < FLAT_KIB


def test_who_hangs_up_with_a_request_queued_is_noticed(connect: Connect) -> None:
    before = connect().say(get("/")).hear().content["hangups"]
    wire = connect().say(get("/hold") + get("/"))
    until(lambda: on_hold(connect, 1))
    wire.socket.close()
    until(lambda: connect().say(get("/")).hear().content["hangups"] == before + 1)


def pouring(connect: Connect) -> int:
    return int(connect().say(get("/")).hear().content["pouring"])


def test_who_does_not_read_an_answer_is_hung_up_on(connect: Connect) -> None:
    wire = connect().say(get("/pour"))
    until(lambda: pouring(connect) == 1)
    until(lambda: pouring(connect) == 0)
    assert wire.hear_bytes() < POURED


@pytest.mark.parametrize(
    ("taken", "minutes", "is_given_up"),
    [(0, 4, False), (0, 5, True), (MIB, 5, False), (MIB, 16, False), (MIB, 18, True)],
)
def test_who_reads_an_answer_slowly_is_given_time(
    taken: int, minutes: int, is_given_up: bool
) -> None:
    assert is_too_slow(taken, timedelta(minutes=minutes), STALL_LIFETIME) == is_given_up


# Other protocols, other people's names


@shipped
@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"nonsense"])
def test_an_upgrade_gets_an_ordinary_answer(connect: Connect, protocol: bytes) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n"
    upgrade += b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    wire = connect().say(GET + upgrade + END + b"\x81\x85what follows is not HTTP")
    answer = wire.hear()
    assert 200 <= answer.status < 500
    assert answer.status not in REFUSED
    assert answer.headers["connection"] == "close"
    assert wire.hear_all() == []


def test_no_header_names_the_client_or_the_scheme(connect: Connect) -> None:
    claims = b"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"
    claims += b"Forwarded: for=203.0.113.9;proto=https\r\nX-Real-IP: 203.0.113.9\r\n"
    content = connect().say(GET + claims + END).hear().content
    assert (content["client"], content["scheme"]) == ("127.0.0.1", "http")


def test_nothing_above_leaves_a_traceback_in_the_log(connect: Connect, server: Server) -> None:
    for request in MALFORMED.values():
        connect().say(request).hear_all()
    assert server.log is not None
    assert "Traceback" not in server.log.read_text()
