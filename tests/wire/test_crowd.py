"""Who holds many connections shuts nobody out: those that wait for their client give way."""

import logging
import subprocess
from collections.abc import Iterator

import pytest

from config.wire.crowd import SPARE, Crowd, peer_of
from tests.wire.conftest import port_of, start
from tests.wire.raw_requests import END, GET, HOST, get, on_hold, until
from tests.wire.wires import Connect, Server, Wire

LIMIT = 2 * SPARE + 40  # connections; beyond half of them, one client makes room for itself
HALF = LIMIT // 2
BODY = b"POST /ask HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\n"


@pytest.fixture
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connect]:
    """Connections to a server of few."""
    log = tmp_path_factory.mktemp("crowd") / "log"
    process: subprocess.Popen[bytes] = start(
        log, "echo:PatientProtocol", "--limit-concurrency", str(LIMIT)
    )
    wires: list[Wire] = []
    server = Server("127.0.0.1", port_of(process, log), process.pid, log)

    def connect() -> Wire:
        wires.append(Wire(server))
        return wires[-1]

    yield connect
    for wire in wires:
        wire.socket.close()
    process.kill()
    process.wait()
    assert "Traceback" not in log.read_text()


def is_open(wire: Wire) -> bool:
    wire.socket.settimeout(0.05)
    try:
        return wire.socket.recv(1, 2) != b""  # MSG_PEEK
    except TimeoutError:
        return True
    except ConnectionResetError:
        return False


def test_the_idle_that_were_unheard_of_longest_give_way(narrow: Connect) -> None:
    idle = [narrow() for _ in range(HALF)]
    for wire in idle:
        assert wire.say(get("/")).hear().status == 200
    assert idle[0].say(get("/")).hear().status == 200  # now the second is the oldest
    newcomers = [narrow().say(get("/")) for _ in range(10)]
    assert [wire.hear().status for wire in newcomers] == [200] * 10
    assert [is_open(wire) for wire in idle[:12]] == [True] + [False] * 10 + [True]


def test_the_silent_and_the_unfinished_give_way(narrow: Connect) -> None:
    silent = [narrow() for _ in range(HALF // 2)]
    unfinished = [narrow().say(GET[:9]) for _ in range(HALF // 2)]
    answers = [narrow().say(get("/")).hear().status for _ in range(HALF)]
    assert answers == [200] * HALF
    assert not any(is_open(wire) for wire in silent + unfinished)


def test_a_body_on_its_way_gives_way_only_where_nobody_is_idle(narrow: Connect) -> None:
    uploads = [narrow().say(BODY + b"a") for _ in range(3)]
    idle = [narrow() for _ in range(HALF - 3)]
    for _ in range(len(idle)):
        assert narrow().say(get("/")).hear().status == 200
    assert [wire.say(b"bc").hear().content["body"] for wire in uploads] == [3] * 3
    uploads = [narrow().say(BODY + b"a") for _ in range(HALF)]
    assert narrow().say(get("/")).hear().status == 200
    assert uploads[0].hear().status == 503


def test_an_answer_on_its_way_never_gives_way(narrow: Connect) -> None:
    held = [narrow().say(get("/hold")) for _ in range(HALF - 1)]
    until(lambda: on_hold(narrow, HALF - 1))
    for _ in range(3):
        assert narrow().say(get("/")).hear().status == 200
    narrow().say(get("/release")).hear()
    assert [wire.hear().status for wire in held] == [200] * len(held)


def test_one_client_that_keeps_half_of_all_busy_is_refused_more(narrow: Connect) -> None:
    held = [narrow().say(get("/hold")) for _ in range(HALF - 1)]
    last = narrow()
    until(lambda: last.say(get("/")).hear().content["holding"] == HALF - 1)
    last.say(get("/hold"))
    refused = narrow()
    answer = refused.hear()
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    held[0].socket.close()
    until(lambda: 200 in narrow().say(GET + b"Connection: close\r\n" + END).hear_all())


class Fake:
    """A connection that waits for a request."""

    def __init__(self, crowd: Crowd, peer: str) -> None:
        self.crowd, self.peer = crowd, peer
        self.is_gone = False
        self.rested_at = 0.0
        assert crowd.enter(self, peer, peer)

    def give_way(self) -> None:
        """See Connection."""
        self.is_gone = True
        self.crowd.leave(self, self.peer)


@pytest.mark.fast
def test_a_proxy_may_have_as_many_as_the_process_has_room_for() -> None:
    crowd = Crowd(logging.getLogger("crowd"), 400, lambda peer: peer == "10.0.0.1")
    proxied = [Fake(crowd, "10.0.0.1") for _ in range(300)]
    assert not any(fake.is_gone for fake in proxied)
    direct = [Fake(crowd, "10.0.0.2") for _ in range(300)]
    assert sum(not fake.is_gone for fake in direct) == 200
    assert any(fake.is_gone for fake in proxied)


@pytest.mark.fast
def test_a_host_of_ipv6_is_one_peer_with_all_its_addresses() -> None:
    assert peer_of("2001:db8::1") == peer_of("2001:db8::ffff:1%eth0") == "2001:db8::/64"
    assert peer_of("2001:db8:0:1::1") != peer_of("2001:db8::1")
    assert peer_of("::ffff:192.0.2.1") != peer_of("::ffff:192.0.2.2")
    assert peer_of("192.0.2.1") != peer_of("192.0.2.2")
    assert peer_of("/run/socket") == ""
