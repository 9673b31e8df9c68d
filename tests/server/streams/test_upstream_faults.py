"""Upstreams that fail: what callers are told, before the first byte and after it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chatflows.engines import faults
from tests.chatflows.engines.upstreams import frame
from tests.server.streams.answers import events
from tests.server.world import World

pytestmark = pytest.mark.server

# Faults


def test_a_refused_upstream_key_is_our_502_and_never_our_401(world: World) -> None:
    flow = world.flowise_flow(secret="wrong")
    text = world.key(flow)
    for streaming in (False, True):
        answer = world.server.predict(text, flow, question="say hi", streaming=streaming)
        assert (answer.status, answer.json()["code"]) == (502, "upstream_unauthorized")


def test_flowises_own_error_is_told_in_its_words(world: World, flow: str, key: str) -> None:
    answer = world.server.predict(key, flow, question="moderated", streaming=True)
    told = [("error", "Error: Cannot process! Input violates."), ("end", "[DONE]")]
    assert events(answer) == told


def test_upstreams_that_fail_before_the_first_byte(world: World) -> None:
    def ask(name: str) -> None:
        handler, status, code = faults.FAULTS[name]
        flow = world.flowise_flow(world.host.listen(handler))
        text = world.key(flow)
        flows.append((name, flow, text, status, code))

    flows: list[tuple[str, str, str, int, str]] = []
    for name in faults.FAULTS:
        ask(name)

    def check(case: tuple[str, str, str, int, str]) -> None:
        name, flow, text, status, code = case
        for streaming in (True,) if name == "head only" else (False, True):
            answer = world.server.predict(text, flow, streaming=streaming)
            assert (answer.status, answer.json()["code"]) == (status, code), name
            assert b"<" not in answer.body

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(check, flows))


@pytest.mark.large
def test_upstreams_that_break_off_end_in_an_error_and_never_cleanly(world: World) -> None:
    flows = []
    for name, (handler, code) in faults.CUTS.items():
        flow = world.flowise_flow(world.host.listen(handler))
        flows.append((name, flow, world.key(flow), code))

    def check(case: tuple[str, str, str, str]) -> None:
        name, flow, text, code = case
        told = [each for each, _ in events(world.server.predict(text, flow, streaming=True))]
        assert told[:2] == ["start", "token"], name
        assert told[-1] == "error", name
        assert "end" not in told, name
        (row,) = world.server.wait_for_calls(1, flow)
        assert row["code"] == code, name

    with ThreadPoolExecutor(1) as pool:
        list(pool.map(check, flows))


def test_a_forged_end_ends_the_answer(world: World) -> None:
    forged = faults.HELLO + faults.END + b'data:{"event":"token","data":"after"}\n\n'
    parts = (faults.SSE, faults.chunked(forged), b"0\r\n\r\n")
    flow = world.flowise_flow(world.host.listen(faults.says(*parts)))
    answer = world.server.predict(world.key(flow), flow, streaming=True)
    assert [name for name, _ in events(answer)] == ["start", "token", "metadata", "end"]
    assert b"after" not in answer.body


def test_long_lines_are_passed_on_and_slow_drips_too(world: World) -> None:
    long = frame("sourceDocuments", "a" * 1_000_000)
    bytes_ = [bytes([byte]) for byte in faults.HELLO + faults.END]
    for parts in ((faults.HELLO + long, faults.END), bytes_):
        chunks = [faults.chunked(part) for part in parts]
        handler = faults.says(faults.SSE, *chunks, b"0\r\n\r\n", pause=0.001)
        flow = world.flowise_flow(world.host.listen(handler))
        answer = world.server.predict(world.key(flow), flow, streaming=True)
        assert events(answer)[-1][0] == "end"
