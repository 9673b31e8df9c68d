"""Memory under attack: clients that do not read, and upstreams that never end."""

import json
import re
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.chatflows.engines import faults
from tests.chatflows.engines.upstreams import frame
from tests.server.forks import PATIENCE
from tests.server.shipped import Answer, Shipped
from tests.server.world import World, eventually

pytestmark = [pytest.mark.server, pytest.mark.large, pytest.mark.xdist_group("upstreams")]

MIB = 2**20
UNREAD = 60  # streams at once whose clients do not read
EACH = 0.45  # MiB that one of them may cost: the text so far, buffers, and what the first ones make
KEPT = 0.35  # MiB that may still be held of each when they are over
LOOKS = 30  # calls of another in which nothing more is taken from an upstream that rests
EVENTS = {
    "small tokens": faults.chunked(frame("token", "a" * 1000) * 16),
    "large tokens": faults.chunked(frame("token", "a" * 60_000)),
    "large events": faults.chunked(frame("usedTools", "a" * 60_000)),
}

# Upstreams that never end; whether as a stream.
ENDLESS = {
    "json": (faults.FAULTS["endless json"][0], False),
    "a string in json": (faults.repeats(faults.JSON + b'\r\n{"text": "', b"a" * 65536), False),
    "a line": (faults.CUTS["endless line"][0], True),
    "frames": (faults.CUTS["endless"][0], True),
    "long lines": (
        faults.repeats(
            faults.SSE + faults.chunked(faults.HELLO), faults.chunked(frame("x", "a" * MIB))
        ),
        True,
    ),
}
CALLERS = 3  # of each, at once
# A whole answer is read up to 8 MiB; a stream holds a line or two, as read and as sent.
GROWTH = CALLERS * (2 * 8 + 3 * 8)  # MiB


def memory(server: Shipped, name: str = "VmRSS") -> float:
    """MiB that the process has, or (VmHWM) had at most since `forget_most`."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(rf"{name}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def forget_most(server: Shipped) -> float:
    """From now on the most is what there is now."""
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
    return memory(server, "VmHWM")


@contextmanager
def unread(server: Shipped, flow: str, key: str) -> Iterator[None]:
    """A stream whose client takes next to nothing."""
    body = json.dumps({"question": "Go on.", "streaming": True})
    head = (
        f"POST /api/v1/prediction/{flow} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", server.port))
        client.sendall((head + body).encode())
        yield


@pytest.mark.parametrize("kind", EVENTS)
def test_clients_that_do_not_read_hold_back_their_upstream_and_nobody_else(
    world: World, kind: str
) -> None:
    tap = faults.Tap(faults.SSE, EVENTS[kind])
    flow, other = world.flowise_flow(world.host.listen(tap.handler)), world.flowise_flow()
    key, others = world.key(flow), world.key(other)

    def rests() -> bool:
        was = tap.size
        for _ in range(LOOKS):
            assert world.server.request("GET", "/livez").status == 200
            assert world.server.predict(others, other, question="say hi").json()["text"] == "hi"
        return tap.size == was

    rests()
    before = memory(world.server)
    with ExitStack() as stack:
        for _ in range(UNREAD):
            stack.enter_context(unread(world.server, flow, key))
        assert eventually(lambda: tap.opened == UNREAD)
        assert eventually(rests)
        assert tap.running == UNREAD
        assert memory(world.server) - before < UNREAD * EACH
    assert eventually(lambda: tap.running == 0)
    assert eventually(lambda: memory(world.server) - before < UNREAD * KEPT), "given back"
    assert [row["code"] for row in world.server.wait_for_calls(UNREAD, flow)] == (
        ["client_gone"] * UNREAD
    )


def test_upstreams_that_never_end_cost_little_and_end_in_the_fault_that_the_docs_name(
    world: World,
) -> None:
    flows = {
        name: world.flowise_flow(world.host.listen(handler))
        for name, (handler, _) in ENDLESS.items()
    }
    key = world.key(*flows.values())

    def ask(name: str) -> tuple[str, Answer]:
        return name, world.server.predict(key, flows[name], streaming=ENDLESS[name][1])

    before = forget_most(world.server)
    with ThreadPoolExecutor(CALLERS * len(ENDLESS)) as pool:
        answers = list(pool.map(ask, [*ENDLESS] * CALLERS))
    assert memory(world.server, "VmHWM") - before < GROWTH
    for name, answer in answers:
        if ENDLESS[name][1]:
            last = answer.body.rsplit(b"data:", 1)[1]
            assert json.loads(last)["event"] == "error", name
        else:
            assert (answer.status, answer.json()["code"]) == (502, "upstream_invalid"), name
    for name, flow in flows.items():
        codes = Counter(row["code"] for row in world.server.wait_for_calls(CALLERS, flow))
        assert codes == {"upstream_invalid": CALLERS}, name
