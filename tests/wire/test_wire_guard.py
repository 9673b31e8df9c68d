"""What a client may and may not say to the server behind a head, told over raw sockets."""

import threading
from datetime import timedelta

import pytest

from config.wire.paces import STALL_LIFETIME, is_too_slow
from tests.wire.echo import POURED
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
from tests.wire.wires import Connect, Server

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


OWN = {
    "http://localhost/1": "/1",
    "HTTP://LOCALHOST/1": "/1",
    "https://localhost//1": "//1",
}


@pytest.mark.parametrize(("target", "path"), OWN.items())
def test_a_target_may_be_an_address_of_this_server(
    connect: Connect, target: str, path: str
) -> None:
    answer = connect().say(f"GET {target} HTTP/1.1\r\n".encode() + HOST + END).hear()
    assert (answer.status, answer.content["path"]) == (200, path)


OTHER_TARGETS = {
    "a fragment": b"/livez#x",
    "an empty fragment": b"/livez#",
    "a fragment in a query": b"/livez?a#b",
    "another server": b"http://evil.example/livez",
    "another port": b"http://localhost:1/livez",
    "another scheme": b"ftp://localhost/livez",
    "a user": b"http://localhost@evil.example/livez",
    "a user of this server": b"http://user@localhost/livez",
    "no server": b"http:///livez",
    "no scheme": b"localhost/livez",
    "an asterisk": b"*",
}


@shipped
@pytest.mark.parametrize("target", OTHER_TARGETS.values(), ids=OTHER_TARGETS.keys())
def test_any_other_target_is_refused(connect: Connect, target: bytes) -> None:
    for method in (b"GET ", b"POST ", b"OPTIONS "):
        request = method + target + b" HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n" + END
        assert connect().say(request).hear_all() == [400]


@pytest.mark.parametrize("more", [b"", b"Connection: keep-alive\r\n"])
def test_an_answer_without_a_length_is_not_sent_in_chunks_to_http_1_0(
    connect: Connect, more: bytes
) -> None:
    wire = connect().say(b"GET /stream HTTP/1.0\r\n" + more + END)
    assert wire.hear_text().endswith(b"connection: close\r\n\r\none two three ")
    wire = connect().say(b"HEAD /stream HTTP/1.0\r\n" + more + END)
    assert wire.hear_text().endswith(b"connection: close\r\n\r\n")
    assert connect().say(b"GET / HTTP/1.0\r\n\r\n").hear().content["path"] == "/"


def test_nothing_above_leaves_a_traceback_in_the_log(connect: Connect, server: Server) -> None:
    for request in MALFORMED.values():
        connect().say(request).hear_all()
    assert server.log is not None
    assert "Traceback" not in server.log.read_text()
