"""The head of a request: how large it may be, and how long it may take."""

import threading
import time

from tests.wire.raw_requests import (
    CHUNKED,
    END,
    FLAT_KIB,
    GET,
    HOST,
    MIB,
    POST,
    REFUSED,
    get,
    head_of,
    on_hold,
    shipped,
    until,
)
from tests.wire.wires import Connect, Server, Wire


def fields(count: int) -> bytes:
    return b"".join(b"X-%d: 1\r\n" % number for number in range(count))


def status(connect: Connect, request: bytes) -> int:
    return connect().say(request).hear().status


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


@shipped
def test_a_trailer_of_100_fields_passes_and_101_are_refused(connect: Connect) -> None:
    body = CHUNKED + b"3\r\nabc\r\n0\r\n"
    assert status(connect, body + fields(100) + END) not in REFUSED
    assert connect().say(body + fields(101) + END).hear_all() == [431]


def test_a_trailer_does_not_join_the_headers(connect: Connect) -> None:
    answer = connect().say(CHUNKED + b"0\r\nAuthorization: Bearer x\r\n\r\n").hear()
    assert answer.content["headers"] == ["host", "transfer-encoding"]


def test_no_header_names_the_client_or_the_scheme(connect: Connect) -> None:
    claims = b"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"
    claims += b"Forwarded: for=203.0.113.9;proto=https\r\nX-Real-IP: 203.0.113.9\r\n"
    content = connect().say(GET + claims + END).hear().content
    assert (content["client"], content["scheme"]) == ("127.0.0.1", "http")
