"""Browsers at the gate: preflights, and answers that a page of another origin may read."""

import re

import pytest

from tests.server.shipped import Answer, Shipped

pytestmark = pytest.mark.server

UNKNOWN = "00000000-0000-4000-8000-000000000000"
WRONG = "flk_sk_" + "A" * 12 + "_" + "B" * 49
ORIGIN = {"Origin": "app://obsidian.md"}
ASKED = (
    "authorization,content-type,x-stainless-arch,x-stainless-lang,x-stainless-os,"
    "x-stainless-package-version,x-stainless-retry-count,x-stainless-runtime,"
    "x-stainless-runtime-version,x-stainless-timeout"
)
ASKS = {**ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": ASKED}
JSON = {"Content-Type": "application/json"}
PREFLIGHTED = [
    f"/api/v1/prediction/{UNKNOWN}",
    f"/api/v1/prediction/{UNKNOWN}?apiKey=x",
    f"/api/v1/chatmessage/abort/{UNKNOWN}/c",
    "/api/v1/version",
    "/api/v1/feedback",
    "/api/v1/prediction/",
    "/v1/chat/completions",
    "/v1/models",
    "/v1/responses",
    "/v1/files/x/content",
]


@pytest.mark.parametrize("path", PREFLIGHTED)
def test_a_preflight_grants_what_it_asks_for(server: Shipped, path: str) -> None:
    answer = server.request("OPTIONS", path, headers=ASKS)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-headers"] == ASKED.replace(",", ", ")
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-max-age"] == "600"
    assert answer.headers["vary"] == "Access-Control-Request-Headers"
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.body == b""


def test_a_preflight_may_name_the_headers_alone(server: Shipped) -> None:
    asked = {**ORIGIN, "Access-Control-Request-Headers": "authorization,x-stainless-os"}
    for path in ("/v1/chat/completions", "/v1/responses", "/api/v1/feedback"):
        answer = server.request("OPTIONS", path, headers=asked)
        assert answer.status == 204
        assert answer.headers["access-control-allow-headers"] == "authorization, x-stainless-os"


def test_a_preflight_tells_nothing_of_a_chatflow(server: Shipped) -> None:
    asked = [
        server.request("OPTIONS", f"/api/v1/prediction/{flow}", headers=ASKS)
        for flow in (server.chatflow, UNKNOWN)
    ]
    assert asked[0].without_request_id == asked[1].without_request_id


def test_a_private_network_is_never_opened_to_a_page(server: Shipped) -> None:
    asks = {**ASKS, "Access-Control-Request-Private-Network": "true"}
    answer = server.request("OPTIONS", f"/api/v1/prediction/{UNKNOWN}", headers=asks)
    assert answer.status == 204
    assert "access-control-allow-private-network" not in answer.headers


def test_no_page_gets_a_preflight(server: Shipped) -> None:
    for path in ("/", "/livez", "/login/", "/api/v2/x", "/t/acme/", "/v1"):
        answer = server.request("OPTIONS", path, headers=ASKS)
        assert answer.status in (302, 404, 405), path
        assert not any(name.startswith("access-control") for name in answer.headers), path


def test_an_options_that_is_no_preflight_asks_for_the_methods(server: Shipped) -> None:
    for headers in ({}, ORIGIN, {"Access-Control-Request-Method": "POST"}):
        answer = server.request("OPTIONS", "/v1/models", headers=headers)
        assert (answer.status, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
        assert server.request("OPTIONS", "/v1/responses", headers=headers).status == 404


def refusals(server: Shipped) -> dict[str, Answer]:
    path = f"/api/v1/prediction/{server.chatflow}"
    key = server.do("make_key", team="acme", name="browsers", opens=[server.chatflow])
    other = server.do("make_key", team="acme", name="closed", opens=[])
    bearer = {name: {"Authorization": f"Bearer {name}"} for name in (key, other, WRONG)}
    question = {"question": "Hi"}

    def ask(method: str, to: str, body: object = None, **headers: str) -> Answer:
        return server.request(method, to, body, {**ORIGIN, **headers})

    return {
        "400": ask("POST", f"{path}?apiKey={key}", question),
        "400 body": ask("POST", path, {"question": 7}, **bearer[key]),
        "401": ask("POST", path, question),
        "401 bad": ask("POST", path, question, **bearer[WRONG]),
        "401 openai": ask("GET", "/v1/models"),
        "403": ask("POST", path, question, **bearer[other]),
        "404": ask("POST", f"/api/v1/prediction/{UNKNOWN}", question, **bearer[key]),
        "404 path": ask("POST", "/api/v1/feedback", question),
        "404 openai": ask("POST", "/v1/responses", question),
        "405": ask("PATCH", path, question),
        "413": ask("POST", "/api/v1/feedback", {"x": "y" * 70_000}),
        "415": ask("POST", path, question, **bearer[key], **{"Content-Type": "text/plain"}),
        "400 host": ask("POST", "/v1/responses", question, Host="evil.example"),
    }


def test_a_page_of_another_origin_can_read_why_it_was_refused(server: Shipped) -> None:
    for name, answer in refusals(server).items():
        assert answer.status == int(name[:3]), name
        assert answer.headers["access-control-allow-origin"] == "*", name
        exposed = answer.headers["access-control-expose-headers"]
        assert exposed == "Retry-After, RateLimit, RateLimit-Policy, X-Request-Id"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin", name
        assert answer.json()


@pytest.mark.parametrize("streaming", [True, False])
def test_an_answer_may_be_read_by_a_page(server: Shipped, key: str, streaming: bool) -> None:
    body = {"question": "Hi", "streaming": streaming}
    headers = {**ORIGIN, "Authorization": f"Bearer {key}"}
    answer = server.request("POST", f"/api/v1/prediction/{server.chatflow}", body, headers)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/completions", "/v1/models/gpt-4o"])
def test_what_is_not_there_of_openais_api_names_what_is(server: Shipped, path: str) -> None:
    answer = server.request("POST", path, {"model": "x", "input": "Hi"})
    error = answer.json()["error"]
    assert (answer.status, error["code"]) == (404, "not_found")
    assert "/v1/chat/completions" in error["message"]


def test_one_model_is_found_by_the_key_that_opens_it(server: Shipped) -> None:
    flow = server.do("make_chatflow", team="acme", name="One model", entries=[])
    closed = server.do("make_chatflow", team="acme", name="Not opened", entries=[])
    key = server.do("make_key", team="acme", name="one model", opens=[flow])
    bearer = {"Authorization": f"Bearer {key}"}
    answer = server.request("GET", f"/v1/models/{flow}", headers=bearer)
    listed = server.request("GET", "/v1/models", headers=bearer).json()["data"]
    assert answer.status == 200
    assert answer.json() in listed
    assert answer.json()["id"] == flow
    unknown = server.request("GET", f"/v1/models/{UNKNOWN}", headers=bearer)
    assert (unknown.status, unknown.json()["error"]["code"]) == (404, "not_found")
    other = server.request("GET", f"/v1/models/{closed}", headers=bearer)
    assert other.without_request_id == unknown.without_request_id
    assert server.request("GET", f"/v1/models/{flow}").status == 401


GOT = ["/livez", "/api/v1/ping", "/api/v1/version", f"/api/v1/chatflows-streaming/{UNKNOWN}"]
GOT_WITH_KEY = ["/v1/models", "/v1/models/{flow}", "/api/v1/public-chatbotConfig/{flow}"]


@pytest.mark.parametrize("path", [*GOT, *GOT_WITH_KEY, "/login/", "/static/nothing.css"])
@pytest.mark.parametrize("with_key", [True, False])
def test_head_is_answered_as_get_is_without_a_body(
    server: Shipped, key: str, path: str, with_key: bool
) -> None:
    headers = {"Authorization": f"Bearer {key}"} if with_key else {}
    path = path.replace("{flow}", server.chatflow)
    got = server.request("GET", path, headers=headers)
    head = server.request("HEAD", path, headers=headers)
    assert head.body == b""
    assert head.status == got.status
    for name in ("x-request-id", "date", "expires", "set-cookie"):  # change with time
        assert (name in head.headers) == (name in got.headers)
        head.headers.pop(name, None)
        got.headers.pop(name, None)
    assert head.headers == got.headers
    assert int(head.headers["content-length"]) == len(got.body)


def test_pages_and_their_files_are_for_our_own_origin(server: Shipped) -> None:
    page = server.request("GET", "/login/")
    style = re.search(r'href="(/static/[^"]+\.css)"', page.body.decode())
    assert style is not None
    head = server.request("HEAD", style[1])
    assert head.status == 200
    assert int(head.headers["content-length"]) == len(server.request("GET", style[1]).body)
    large = server.request("POST", "/login/", {"x": "y" * 70_000})
    assert large.status == 413
    answers = [page, head, large, server.request("GET", "/livez"), server.request("GET", "/x")]
    for answer in answers:
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers
    for answer in (page, answers[-1]):
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"


def test_a_method_that_is_not_taken_learns_which_are(server: Shipped) -> None:
    assert server.request("POST", "/livez").headers["allow"] == "GET, HEAD"
    assert server.request("DELETE", "/v1/models").headers["allow"] == "GET, HEAD, OPTIONS"
