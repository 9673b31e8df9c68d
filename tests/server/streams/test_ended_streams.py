"""Running streams that end early: the client leaves, the right is taken back, a bound is met."""

import http.client
import json
import time
from typing import Any

import pytest

from tests.chatflows.engines import faults
from tests.server.forks import PATIENCE
from tests.server.streams.test_memory import EVENTS, unread
from tests.server.world import World, eventually

pytestmark = pytest.mark.server


class Open:
    """A stream that is being read."""

    def __init__(self, world: World, key: str, flow: str, question: str, **fields: Any) -> None:
        self.response: http.client.HTTPResponse | None = None
        self.connection = http.client.HTTPConnection(
            "127.0.0.1", world.server.port, timeout=PATIENCE
        )
        body = json.dumps({"question": question, "streaming": True, **fields})
        head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self.connection.request("POST", f"/api/v1/prediction/{flow}", body, head)

    def begin(self) -> http.client.HTTPResponse:
        """Wait for the head."""
        if self.response is None:
            self.response = self.connection.getresponse()
        return self.response

    def rest(self) -> bytes:
        """All that is still to come."""
        try:
            return self.begin().read()
        finally:
            self.hang_up()

    def hang_up(self) -> None:
        """Leave."""
        if self.response is not None:
            self.response.close()
        self.connection.close()


# Ended


def test_a_client_that_leaves_closes_the_upstream_and_aborts_the_run(world: World) -> None:
    flow = world.flowise_flow()
    key = world.key(flow)
    for question, begins in (("drip", True), ("hang", False)):
        world.flowise.left.clear()
        world.flowise.aborted.clear()
        opened = Open(world, key, flow, question)
        if begins:
            opened.begin().read(10)
        else:
            assert eventually(lambda: world.flowise.seen[-1].fields["question"] == "hang")
        opened.hang_up()
        assert eventually(lambda asked=question: asked in world.flowise.left), question
        assert eventually(lambda: world.flowise.aborted)
        assert eventually(
            lambda: (
                [row["code"] for row in world.server.do("calls", chatflow=flow)][:1]
                == ["client_gone"]
            )
        )


def test_revocation_ends_a_running_stream(world: World) -> None:
    flow = world.flowise_flow()
    text = world.key(flow, name="short-lived")
    opened = Open(world, text, flow, "drip")
    opened.begin().read(10)
    world.server.do("disable", name="short-lived")
    began = time.monotonic()
    rest = opened.rest()
    assert time.monotonic() - began < 2
    assert rest.rstrip().splitlines()[-1].startswith(b'data:{"event":"error"')
    assert b'"end"' not in rest
    assert world.server.wait_for_calls(1, flow)[0]["code"] == "invalid_token"


def test_a_stream_that_nobody_reads_is_recorded_as_it_was_ended(world: World) -> None:
    tap = faults.Tap(faults.SSE, EVENTS["large tokens"])
    flow = world.flowise_flow(world.host.listen(tap.handler))
    key = world.key(flow, name="unread")
    with unread(world.server, flow, key):
        assert eventually(lambda: tap.running == 1)
        world.server.do("disable", name="unread")
        (call,) = world.server.wait_for_calls(1, flow)
    assert (call["status"], call["code"]) == (200, "invalid_token")
    (answer,) = world.server.do("answers", chatflow=flow)
    assert set(answer) >= {"a"}
    assert "gate failed" not in world.server.log


def test_turning_off_ends_a_running_stream(world: World) -> None:
    flow = world.flowise_flow()
    text = world.key(flow, name="off-soon")
    opened = Open(world, text, flow, "drip")
    opened.begin().read(10)
    world.server.do("save_access", chatflow=flow, mode="off", opens_for=["off-soon"])
    began = time.monotonic()
    assert b'"event":"error"' in opened.rest()
    assert time.monotonic() - began < 2


def test_an_abort_ends_the_callers_own_stream_and_no_other(
    world: World, flow: str, key: str
) -> None:
    opened = Open(world, key, flow, "drip", chatId="mine")
    opened.begin().read(10)
    path = f"/api/v1/chatmessage/abort/{flow}/mine"
    assert world.server.request("PUT", path).status == 401
    for text in (world.key(flow), key):
        world.flowise.aborted.clear()
        answer = world.server.request("PUT", path, headers={"Authorization": f"Bearer {text}"})
        assert answer.json() == {"status": 200, "message": "Chat message aborted"}
        assert eventually(lambda: world.flowise.aborted)
    rest = opened.rest()
    assert b'"abort"' in rest
    assert b'"event":"end"' in rest


def test_streams_per_key_are_bounded(world: World, flow: str) -> None:
    text = world.key(flow)
    opened = [Open(world, text, flow, "slow") for _ in range(200)]
    assert all(each.begin().status == 200 for each in opened)
    answer = world.server.predict(text, flow, question="say hi")
    assert (answer.status, answer.json()["code"]) == (429, "rate_limited")
    assert world.server.predict(world.key(flow), flow, question="say hi").status == 200
    for each in opened:
        each.hang_up()
    assert eventually(lambda: world.server.predict(text, flow, question="say hi").status == 200)
