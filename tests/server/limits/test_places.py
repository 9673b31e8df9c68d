"""Rows 4 and 10 on the wire: networks and origins of keys and chatflows."""

import pytest

from tests.server.limits import floods
from tests.server.limits.floods import QUESTION, Pair
from tests.server.shipped import Answer, Shipped

pytestmark = pytest.mark.server

HERE, ELSEWHERE = ["127.0.0.0/8"], ["203.0.113.0/24", "2001:db8:40::/48"]
SHOP = "https://shop.example.com"


@pytest.fixture
def mine(server: Shipped) -> Pair:
    return floods.pair(server)


def from_page(mine: Pair, *origins: str, key: str | None = "") -> Answer:
    """Ask as a script in a page of an origin does."""
    headers = {"Authorization": f"Bearer {key or mine.key}"} if key is not None else {}
    if origins:
        headers["Origin"] = ", ".join(origins)
    path = f"/api/v1/prediction/{mine.chatflow}"
    return mine.server.request("POST", path, {"question": QUESTION}, headers)


def test_a_key_opens_only_from_its_networks(mine: Pair) -> None:
    mine.limit_key(networks=ELSEWHERE)
    refused = mine.ask()
    assert (refused.status, refused.json()["code"]) == (403, "network_not_allowed")
    assert mine.ask(streaming=True).status == 403
    mine.limit_key(networks=[*ELSEWHERE, *HERE])
    assert mine.ask().status == 200
    assert mine.reasons(3) == {"key_network": 2, "ok": 1}


def test_a_chatflow_is_open_only_to_its_networks(mine: Pair) -> None:
    mine.limit_chatflow(networks=ELSEWHERE)
    refused = mine.ask()
    assert (refused.status, refused.json()["code"]) == (403, "network_not_allowed")
    mine.server.do("save_access", chatflow=mine.chatflow, mode="public", opens_for=[])
    assert mine.server.predict(None, mine.chatflow).status == 403
    mine.limit_chatflow(networks=HERE)
    assert mine.server.predict(None, mine.chatflow).status == 200


@pytest.mark.parametrize("is_of_key", [True, False])
def test_a_page_of_another_origin_is_refused_and_a_program_is_not(
    mine: Pair, is_of_key: bool
) -> None:
    (mine.limit_key if is_of_key else mine.limit_chatflow)(origins=[SHOP])
    for origins in [("https://evil.example",), ("null",), (SHOP, SHOP), (SHOP + ":8443",)]:
        refused = from_page(mine, *origins)
        assert (refused.status, refused.json()["code"]) == (403, "origin_not_allowed")
        assert refused.headers["access-control-allow-origin"] == "*"
    let_in = from_page(mine, SHOP)
    assert let_in.status == 200
    assert let_in.headers["access-control-allow-origin"] == SHOP
    assert let_in.headers["vary"] == "Origin"
    assert from_page(mine).status == 200


def test_a_place_is_asked_before_a_limit_and_a_refused_page_uses_up_none(mine: Pair) -> None:
    mine.limit_key(limit_minute=1)
    mine.limit_chatflow(origins=[SHOP])
    assert [from_page(mine, "https://evil.example").status for _ in range(3)] == [403] * 3
    assert [from_page(mine, SHOP).status for _ in range(2)] == [200, 429]
