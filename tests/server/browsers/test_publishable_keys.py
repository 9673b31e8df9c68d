"""Publishable keys on the wire: rows 4 and 5 of the access rule, and what a program learns."""

from typing import Any

import pytest

from tests.server import pairs
from tests.server.shipped import Answer, Shipped
from tests.server.world import World

pytestmark = pytest.mark.server

SHOP = "https://shop.acme.example"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
HI = {"question": "What is Flowlatch?"}
ELSEWHERE: dict[str, dict[str, str]] = {
    "none": {},
    "null": {"Origin": "null"},
    "empty": {"Origin": ""},
    "another host": {"Origin": "https://evil.example"},
    "a host that ends alike": {"Origin": "https://evil-shop.acme.example"},
    "a host below": {"Origin": "https://a.shop.acme.example"},
    "another scheme": {"Origin": "http://shop.acme.example"},
    "another port": {"Origin": "https://shop.acme.example:8443"},
    "its port written out": {"Origin": "https://shop.acme.example:443"},
    "upper case": {"Origin": "https://Shop.acme.example"},
    "a path": {"Origin": "https://shop.acme.example/"},
    "a dot behind": {"Origin": "https://shop.acme.example."},
    "two in one": {"Origin": f"{SHOP}, {SHOP}"},
    "a star": {"Origin": "*"},
}


@pytest.fixture(scope="module")
def shop(server: Shipped) -> str:
    """The text of a key for the sample chatflow, for pages of SHOP and of a host in punycode."""
    origins = [SHOP, "https://xn--bcher-kva.example"]
    text: str = server.do(
        "make_publishable", team="acme", name="shop", pinned_to=server.chatflow, origins=origins
    )
    return text


@pytest.fixture(scope="module")
def hidden(server: Shipped) -> str:
    """Another chatflow of the team."""
    flow: str = server.do("make_chatflow", team="acme", name="Hidden", entries=[["Hi", "Hidden"]])
    return flow


def ask(
    server: Shipped, method: str, path: str, key: str, body: Any = None, **headers: str
) -> Answer:
    return server.request(method, path, body, {"Authorization": f"Bearer {key}", **headers})


def alike(answers: list[Answer]) -> set[str]:
    """The answers but for their ids and dates."""
    return {str(answer.without_request_id) for answer in answers}


def asked(flow: str) -> list[tuple[str, str, Any]]:
    """One request for each route that asks about a chatflow or a key."""
    completion = {"model": flow, "messages": [{"role": "user", "content": HI["question"]}]}
    return [
        ("POST", f"/api/v1/prediction/{flow}", HI),
        ("POST", f"/api/v1/prediction/{flow}", {**HI, "streaming": True}),
        ("POST", f"/api/v1/prediction/{flow}", {"question": 7}),
        ("GET", f"/api/v1/public-chatbotConfig/{flow}", None),
        ("PUT", f"/api/v1/chatmessage/abort/{flow}/chat", None),
        ("GET", "/v1/models", None),
        ("GET", f"/v1/models/{flow}", None),
        ("POST", "/v1/chat/completions", completion),
        ("POST", "/v1/chat/completions", {"model": 7}),
    ]


def test_a_page_of_a_listed_origin_is_let_in_and_may_read_the_answer(
    server: Shipped, shop: str
) -> None:
    for origin in (SHOP, "https://xn--bcher-kva.example"):
        for method, path, body in asked(server.chatflow):
            answer = ask(server, method, path, shop, body, Origin=origin)
            if body in ({"question": 7}, {"model": 7}):
                assert (answer.status, answer.headers["access-control-allow-origin"]) == (400, "*")
                continue
            assert answer.status == 200, path
            assert answer.headers["access-control-allow-origin"] == origin
            assert answer.headers["vary"] == "Origin"
            assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("name", ELSEWHERE)
def test_from_elsewhere_nothing_is_learned(
    server: Shipped, shop: str, hidden: str, name: str
) -> None:
    for mine, others, nobodys in zip(
        asked(server.chatflow), asked(hidden), asked(UNKNOWN), strict=True
    ):
        answers = [
            ask(server, *call[:2], shop, call[2], **ELSEWHERE[name])
            for call in (mine, others, nobodys)
        ]
        assert answers[0].status == 403, mine
        assert b"origin_not_allowed" in answers[0].body
        assert answers[0].headers["access-control-allow-origin"] == "*"
        assert len(alike(answers)) == 1, mine


def test_two_origins_are_none(server: Shipped, shop: str) -> None:
    head = (
        f"POST /api/v1/prediction/{server.chatflow} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {shop}\r\nOrigin: {SHOP}\r\nOrigin: {SHOP}\r\n"
        "Content-Type: application/json\r\nContent-Length: 17\r\nConnection: close\r\n\r\n"
    )
    said = pairs.say(server.port, [head.encode() + b'{"question":"Hi"}'])
    assert said.status == 403
    assert b"origin_not_allowed" in said.all


def test_another_chatflow_is_an_unknown_one_to_the_byte(
    server: Shipped, shop: str, hidden: str
) -> None:
    public = server.do("make_chatflow", team="acme", name="Open", entries=[])
    server.do("save_access", chatflow=public, mode="public", opens_for=[])
    theirs = server.do("make_team", name="Neighbours")
    foreign = server.do("make_chatflow", team=theirs, name="Theirs", entries=[])
    flows = (UNKNOWN, hidden, public, foreign)
    for calls in zip(*map(asked, flows), strict=True):
        if calls[0] == calls[1]:
            continue  # it names no chatflow
        answers = [
            ask(server, method, path, shop, body, Origin=SHOP) for method, path, body in calls
        ]
        assert {answer.status for answer in answers} == {404}, calls[0]
        assert b"not_found" in answers[0].body
        assert len(alike(answers)) == 1, calls[0]


def test_its_list_of_models_holds_its_chatflow_alone(
    server: Shipped, shop: str, hidden: str
) -> None:
    server.do("save_access", chatflow=hidden, mode="public", opens_for=[])
    listed = ask(server, "GET", "/v1/models", shop, Origin=SHOP).json()
    assert [model["id"] for model in listed["data"]] == [server.chatflow]
    server.do("save_access", chatflow=hidden, mode="keys", opens_for=[])


def test_the_streaming_probe_tells_nothing_with_it_or_without(
    server: Shipped, shop: str, hidden: str
) -> None:
    answers = [
        server.request("GET", f"/api/v1/chatflows-streaming/{flow}", headers=headers)
        for flow in (server.chatflow, hidden, UNKNOWN)
        for headers in ({}, {"Authorization": f"Bearer {shop}"})
    ]
    assert len(alike(answers)) == 1


def test_a_preflight_of_any_page_is_granted_alike(server: Shipped, shop: str) -> None:
    asks = {"Access-Control-Request-Method": "POST"}
    answers = [
        server.request("OPTIONS", f"/api/v1/prediction/{flow}", headers={**asks, "Origin": origin})
        for flow in (server.chatflow, UNKNOWN)
        for origin in (SHOP, "https://evil.example")
    ]
    assert {answer.status for answer in answers} == {204}
    assert len(alike(answers)) == 1


def test_deselected_or_off_it_is_refused_at_once(server: Shipped) -> None:
    flow = server.do("make_chatflow", team="acme", name="Closes", entries=[["Hi", "Hello"]])
    text = server.do("make_publishable", team="acme", name="closes", pinned_to=flow, origins=[SHOP])
    path = f"/api/v1/prediction/{flow}"

    def code() -> str:
        answer = ask(server, "POST", path, text, {"question": "Hi"}, Origin=SHOP)
        return str(answer.json().get("code", answer.status))

    assert code() == "200"
    server.do("save_access", chatflow=flow, mode="off", opens_for=["closes"])
    assert code() == "chatflow_off"
    server.do("save_access", chatflow=flow, mode="keys", opens_for=[])
    assert code() == "key_not_selected"
    server.do("disable", name="closes")
    assert code() == "invalid_token"


def test_it_passes_no_override_on_and_begins_no_session_by_it(world: World) -> None:
    flow = world.flowise_flow()
    text = world.server.do(
        "make_publishable", team="acme", name="overrides", pinned_to=flow, origins=[SHOP]
    )
    override = {"sessionId": "mine", "vars": {"role": "admin"}, "temperature": 2}
    secret = world.key(flow)
    for key in (text, secret):
        answer = world.server.request(
            "POST",
            f"/api/v1/prediction/{flow}",
            {"question": "Hi", "chatId": "visit", "overrideConfig": override},
            {"Authorization": f"Bearer {key}", "Origin": SHOP},
        )
        assert answer.status == 200
        sent = world.flowise.seen[-1].fields
        assert ("vars" in sent.get("overrideConfig", {})) == (key is secret)
        assert "mine" not in str(sent)
        if key is text:
            assert "overrideConfig" not in sent
            assert answer.json()["sessionId"] == "visit"
