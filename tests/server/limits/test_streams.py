"""Row 11 on the wire: streams at once, of a key and of a chatflow."""

import pytest

from tests.server.streams.test_ended_streams import Open
from tests.server.world import World, eventually

pytestmark = pytest.mark.server


@pytest.mark.parametrize("holder", ["key", "chatflow"])
def test_streams_at_once_are_bounded_and_an_end_makes_place(world: World, holder: str) -> None:
    flow = world.flowise_flow()
    key = world.key(flow, name=f"streams of {holder}")
    if holder == "key":
        world.server.do("change_key", name=f"streams of {holder}", limit_streams=2)
    else:
        world.server.do("change_chatflow", chatflow=flow, limit_streams=2)
    running = [Open(world, key, flow, "drip") for _ in range(2)]
    assert [each.begin().status for each in running] == [200, 200]
    refused = world.server.predict(key, flow, question="say Hi", streaming=True)
    assert refused.status == 429
    assert refused.headers["retry-after"] == "2"
    assert world.server.predict(key, flow, question="say Hi").status == 429
    running[0].hang_up()
    assert eventually(lambda: world.server.predict(key, flow, question="say Hi").status == 200)
    running[1].hang_up()
    reasons = {row["reason"] for row in world.server.wait_for_calls(5, flow)}
    assert reasons == {"ok", f"{holder}_streams"}


def test_a_refused_stream_uses_up_no_call_of_the_minute(world: World) -> None:
    flow = world.flowise_flow()
    key = world.key(flow, name="two and two")
    world.server.do("change_key", name="two and two", limit_streams=1, limit_minute=2)
    running = Open(world, key, flow, "drip")
    assert running.begin().status == 200
    assert [world.server.predict(key, flow, question="say Hi").status for _ in range(3)] == [
        429
    ] * 3
    running.hang_up()
    assert eventually(lambda: world.server.predict(key, flow, question="say Hi").status == 200)
    assert world.server.predict(key, flow, question="say Hi").status == 429
