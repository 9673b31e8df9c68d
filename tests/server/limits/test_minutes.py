"""Row 11 on the wire: calls a minute of a key, a chatflow and an address."""

import re

import pytest

from tests.server.limits import floods
from tests.server.limits.floods import Pair
from tests.server.shipped import Shipped

pytestmark = pytest.mark.server


@pytest.fixture
def mine(server: Shipped) -> Pair:
    return floods.pair(server)


def test_exactly_the_limit_is_let_in_of_many_at_once(mine: Pair) -> None:
    mine.limit_key(limit_minute=100)
    assert floods.statuses(mine.ask, 130) == {200: 100, 429: 30}
    assert mine.reasons(130) == {"ok": 100, "key_minute": 30}


def test_a_refused_call_says_which_limit_and_when_there_is_room_again(mine: Pair) -> None:
    mine.limit_key(limit_minute=2)
    for left in (1, 0):
        headers = mine.ask().headers
        assert headers["ratelimit-policy"] == '"key-minute";q=2;w=60'
        assert re.fullmatch(rf'"key-minute";r={left};t=(59|60)', headers["ratelimit"])
        assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == ("2", str(left))
        assert "retry-after" not in headers
    refused = mine.ask()
    assert refused.status == 429
    assert refused.json()["code"] == "rate_limited"
    assert 55 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit"].startswith('"key-minute";r=0;t=')
    assert "RateLimit" in refused.headers["access-control-expose-headers"]


def test_streams_and_completions_count_with_the_others(mine: Pair) -> None:
    mine.limit_key(limit_minute=3)
    assert mine.ask().status == 200
    assert mine.ask(streaming=True).status == 200
    body = {"model": mine.chatflow, "messages": [{"role": "user", "content": "Hi"}]}
    headers = {"Authorization": f"Bearer {mine.key}"}
    completed = mine.server.request("POST", "/v1/chat/completions", body, headers)
    assert completed.status == 200
    assert completed.headers["ratelimit"].startswith('"key-minute";r=0')
    assert "x-ratelimit-limit" not in completed.headers
    refused = mine.server.request("POST", "/v1/chat/completions", body, headers)
    assert (refused.status, refused.json()["error"]["code"]) == (429, "rate_limited")
    assert mine.ask(streaming=True).status == 429


def test_a_call_that_one_limit_refuses_uses_up_no_other(mine: Pair) -> None:
    mine.limit_key(limit_minute=1)
    mine.limit_chatflow(limit_minute=3)
    other = mine.server.do("make_key", team="acme", name=f"{mine.name} b", opens=[mine.chatflow])
    assert [mine.ask().status for _ in range(4)] == [200, 429, 429, 429]
    assert [mine.ask(other).status for _ in range(3)] == [200, 200, 429]
    assert mine.reasons(7) == {"ok": 3, "key_minute": 3, "chatflow_minute": 1}


def test_calls_that_are_refused_for_another_reason_use_up_nothing(mine: Pair) -> None:
    mine.limit_chatflow(limit_minute=1)
    stranger = mine.server.do("make_key", team="acme", name=f"{mine.name} b", opens=[])
    assert mine.ask(stranger).status == 403
    assert mine.server.predict(None, mine.chatflow).status == 401
    assert mine.ask(mine.key + "x").status == 401
    assert mine.ask().status == 200
    assert mine.ask().status == 429


def test_a_limit_holds_from_the_next_call_on_and_the_count_stays(mine: Pair) -> None:
    mine.limit_key(limit_minute=5)
    assert [mine.ask().status for _ in range(3)] == [200] * 3
    mine.limit_key(limit_minute=3)
    assert mine.ask().status == 429
    mine.limit_key(limit_minute=4)
    assert [mine.ask().status for _ in range(2)] == [200, 429]
    mine.limit_key(limit_minute=None)
    answer = mine.ask()
    assert answer.status == 200
    assert "ratelimit" not in answer.headers


def test_an_address_has_a_limit_where_it_brings_no_key(mine: Pair) -> None:
    mine.server.do("save_access", chatflow=mine.chatflow, mode="public", opens_for=[])
    mine.limit_chatflow(limit_address=2)
    asked = [mine.server.predict(None, mine.chatflow) for _ in range(3)]
    assert [each.status for each in asked] == [200, 200, 429]
    assert asked[0].headers["ratelimit-policy"] == '"address-minute";q=2;w=60'
    assert [mine.ask().status for _ in range(3)] == [200] * 3  # the address is not asked of a key
    assert mine.reasons(6)["address_minute"] == 1
