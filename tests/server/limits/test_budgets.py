"""Row 11 on the wire: tokens and money of a month, also of many calls at once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts.bounds import HELD_BACK
from tests.server.world import World, eventually

pytestmark = pytest.mark.server

PRICE = 2_000_000_000  # nanos of a million tokens: 2 a million
QUESTION = "say Hi"
RESERVED = len(QUESTION) + HELD_BACK  # tokens of one call while it runs


def a_flow(world: World, name: str) -> tuple[str, str]:
    """A key of this name, and the chatflow that it opens."""
    flow = world.flowise_flow()
    return world.key(flow, name=name), flow


def test_tokens_of_a_month_stop_the_call_that_may_take_too_many(world: World) -> None:
    key, flow = a_flow(world, "tokens")
    world.server.do("change_key", name="tokens", limit_tokens=RESERVED)
    assert world.server.predict(key, flow, question=QUESTION).status == 200
    # What it reserved is given back but for what it took, and that is missing to the next.
    assert eventually(lambda: world.server.do("spent", name="tokens")["reserved_tokens"] == 0)
    assert 0 < world.server.do("spent", name="tokens")["tokens"] < 20
    refused = world.server.predict(key, flow, question=QUESTION)
    assert (refused.status, refused.json()["code"]) == (429, "rate_limited")
    assert int(refused.headers["retry-after"]) > 0
    assert world.server.predict(key, flow, question=QUESTION, streaming=True).status == 429
    rows = world.server.wait_for_calls(3, flow)
    assert Counter(row["reason"] for row in rows) == {"ok": 1, "key_tokens": 2}


@pytest.mark.parametrize("holder", ["key", "chatflow"])
def test_a_budget_is_not_overspent_by_fifty_calls_at_its_end(world: World, holder: str) -> None:
    name = f"budget of {holder}"
    key, flow = a_flow(world, name)
    cost = -(-RESERVED * PRICE // 1_000_000)
    budget = 10 * cost + cost // 2  # room for ten that run at once
    world.server.do("change_chatflow", chatflow=flow, price=PRICE)
    if holder == "key":
        world.server.do("change_key", name=name, limit_budget=budget)
    else:
        world.server.do("change_chatflow", chatflow=flow, limit_budget=budget)

    def ask(_: int) -> int:
        return world.server.predict(key, flow, question="dawdle", streaming=True).status

    with ThreadPoolExecutor(50) as clients:
        statuses = Counter(clients.map(ask, range(50)))
    assert set(statuses) == {200, 429}
    assert statuses[200] >= 10
    subject = name if holder == "key" else flow
    assert eventually(lambda: world.server.do("spent", name=subject)["reserved_cost"] == 0)
    spent = world.server.do("spent", name=subject)
    assert 0 < spent["cost"] <= budget
    assert eventually(
        lambda: (
            {row["reason"] for row in world.server.do("calls", chatflow=flow)}
            == {"ok", f"{holder}_budget"}
        )
    )


def test_a_call_that_failed_before_it_took_anything_gives_back_what_it_reserved(
    world: World,
) -> None:
    flow = world.flowise_flow(url="http://127.0.0.1:9")
    key = world.key(flow, name="nobody there")
    world.server.do("change_key", name="nobody there", limit_tokens=RESERVED)
    for _ in range(3):
        assert world.server.predict(key, flow, question=QUESTION).status == 502
        assert eventually(
            lambda: not world.server.do("spent", name="nobody there")["reserved_tokens"]
        )
    assert world.server.do("spent", name="nobody there")["tokens"] == 0
