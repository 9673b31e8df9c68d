"""A client that offers another protocol, as Java's HttpClient and curl --http2 do, is answered."""

import pytest

from tests.wire.raw_requests import END, GET, HOST, REFUSED, head_of, shipped
from tests.wire.wires import Connect

H2C = (
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA\r\n"
)
ASK = b"POST /ask HTTP/1.1\r\n" + HOST + H2C
SHORT = b"POST /short/now HTTP/1.1\r\n" + HOST + H2C
MIB = 2**20


@shipped
@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"nonsense", b"h2c, websocket"])
def test_an_offer_gets_an_ordinary_answer(connect: Connect, protocol: bytes) -> None:
    offer = b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n"
    offer += b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    wire = connect().say(GET + offer + END)
    answer = wire.hear()
    assert 200 <= answer.status < 500
    assert answer.status not in REFUSED
    assert "connection" not in answer.headers
    assert wire.say(GET + END).hear().status == answer.status
    assert wire.say(b"\x81\x85what follows is not HTTP\r\n\r\n").hear_all() == [400]


@pytest.mark.parametrize("size", [0, 3, 2 * MIB])
def test_a_body_with_a_length_is_read(connect: Connect, size: int) -> None:
    wire = connect()
    for _ in range(2):  # the connection goes on
        head = ASK + b"Content-Length: %d\r\n\r\n" % size
        assert wire.say(head + b"x" * size).hear().content["body"] == size


def test_a_body_in_chunks_is_read(connect: Connect) -> None:
    chunks = ASK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    assert connect().say(chunks + GET + END).hear().content["body"] == 5


def test_one_for_the_short_way_is_answered_too(connect: Connect) -> None:
    wire = connect().say((SHORT + b"Content-Length: 3\r\n\r\nabc") * 20)
    assert [wire.hear().content["body"] for _ in range(20)] == [3] * 20


def test_it_may_come_byte_by_byte(connect: Connect) -> None:
    wire = connect()
    for byte in ASK + b"Content-Length: 3\r\n\r\nabc" + SHORT + b"Content-Length: 2\r\n\r\nab":
        wire.say(bytes([byte]))
    assert wire.hear().content["body"] == 3
    assert wire.hear().content["body"] == 2


def test_several_may_come_at_once(connect: Connect) -> None:
    one = ASK + b"Content-Length: 3\r\n\r\nabc"
    wire = connect().say(one * 30)
    assert [wire.hear().content["body"] for _ in range(30)] == [3] * 30


def test_the_offer_is_gone_and_the_rest_of_the_head_is_not(connect: Connect) -> None:
    more = b"Accept: a\r\nCookie: b\r\nAccept: c\r\nContent-Length: 0\r\n\r\n"
    said = connect().say(ASK + more).hear().content["headers"]
    assert said == ["host", "connection", "accept", "cookie", "accept", "content-length"]


def test_a_connection_that_is_to_close_is_closed(connect: Connect) -> None:
    wire = connect().say(GET + b"Connection: Upgrade, close\r\nUpgrade: h2c\r\n" + END + GET + END)
    assert wire.hear().headers["connection"] == "close"
    assert wire.hear_all() == []


MALFORMED = {
    "a doubled content-length": b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "chunked and content-length": b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
    "chunked twice": b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "two hosts": HOST + b"\r\n",
    "a malformed chunk": b"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "a bare line feed": b"X: a\nY: b\r\n\r\n",
    "a folded field": b"X: a\r\n b\r\n\r\n",
}


@shipped
@pytest.mark.parametrize("rest", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_request_is_refused_as_without_the_offer(connect: Connect, rest: bytes) -> None:
    start = b"POST /livez HTTP/1.1\r\n" + HOST
    assert connect().say(start + H2C + rest).hear_all() == [400]
    assert connect().say(start + rest).hear_all() == [400]


@shipped
def test_a_tunnel_is_refused(connect: Connect) -> None:
    for target in (b"example.org:443", b"/livez"):
        tunnel = b"CONNECT " + target + b" HTTP/1.1\r\n" + HOST + H2C + b"\r\n"
        assert connect().say(tunnel + GET + END).hear_all() == [400]


@shipped
def test_a_head_is_bounded_as_without_the_offer(connect: Connect) -> None:
    assert connect().say(head_of(17 * 1024, GET + H2C)).hear().status == 431
    fields = b"".join(b"X-%d: 1\r\n" % number for number in range(97))
    assert connect().say(GET + H2C + fields + END).hear().status == 431
    assert connect().say(GET + H2C).hear_all() == [408]
    wire = connect().say(head_of(16384, GET + H2C) * 3)
    assert all(wire.hear().status not in REFUSED for _ in range(3))
