"""Bad input: a malformed head, path, method or body gets a clear 4xx; never 500, never HTML."""

import json
import socket
from typing import Any

import pytest

from tests.server.forks import PATIENCE
from tests.server.shipped import Answer, Shipped

pytestmark = pytest.mark.server

ENDLESS = 2048  # chunks of 64 KiB: far more than the limit and all buffers on the way
CANARY = "flk_sk_CANARYcanary_" + "C" * 49


def raw(server: Shipped, head: bytes, body: bytes = b"") -> tuple[int, bytes]:
    """Status and all of what the server says to these bytes before it closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(head + body)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return int(answer.split(b" ", 2)[1]), answer


def ask(server: Shipped, key: str, body: bytes, **headers: str) -> Answer:
    """A prediction with a body as it is."""
    head = {"Authorization": f"Bearer {key}"}
    head.update({name.replace("_", "-"): value for name, value in headers.items()})
    return server.request("POST", f"/api/v1/prediction/{server.chatflow}", body, head)


SPELLINGS = [
    "/api/v1/prediction/{ID}",  # upper case
    "/API/v1/prediction/{id}",
    "/api/v1/Prediction/{id}",
    "/api/v1/prediction/{id}/",
    "//api/v1/prediction/{id}",
    "/api//v1/prediction/{id}",
    "/api/v1//prediction/{id}",
    "/api/v1/prediction//{id}",
    "/api/v1/./prediction/{id}",
    "/api/v1/x/../prediction/{id}",
    "/./api/v1/prediction/{id}",
    "/../api/v1/prediction/{id}",
    "/api/v1/prediction/{id}/.",
    "/api/v1/prediction/{id}/..",
    "/api/v1/prediction/{id};x=1",
    "/api/v1/prediction;x=1/{id}",
    "/api/v1/prediction/{id}%00",
    "/api/v1/prediction/{id}%0d%0a",
    "/api/v1/prediction/{id}%20",
    "/api/v1/prediction/%7b{id}%7d",
    "/api/v1/prediction%2f{id}",
    "/api/v1%2fprediction/{id}",
    "/api%2fv1/prediction/{id}",
    "/%61pi/v1/prediction/{id}",
    "/api/v1/predictio%6e/{id}",
    "/api/v1/prediction/{id}.json",
    "/api/v1/prediction/{hex}",
    "/api/v1/prediction/{{{id}}}",
    "/api/v1/prediction/urn:uuid:{id}",
    "/api/v1/prediction/ {id}",
    "/api/v1/prediction/",
    "/api/v1/prediction",
    "/api/v1/predictions/{id}",
    "/api/v1/internal-prediction/{id}",
    "/api/v2/prediction/{id}",
    "/v1/prediction/{id}",
    "/prediction/{id}",
    "/static/../api/v1/prediction/{id}",
    "/t/acme/../../api/v1/prediction/{id}",
    "/api/v1/prediction/{id}\\",
    "\\api\\v1\\prediction\\{id}",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("with_key", [False, True])
def test_no_other_spelling_of_the_path_is_let_in(
    server: Shipped, key: str, spelling: str, with_key: bool
) -> None:
    flow = server.chatflow
    path = spelling.format(id=flow, ID=flow.upper(), hex=flow.replace("-", ""))
    body = b'{"question":"What is Flowlatch?"}'
    authorization = f"Authorization: Bearer {key}\r\n" if with_key else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}Connection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    status, answer = raw(server, head.encode("latin-1"), body)
    assert status in (400, 403, 404)
    assert b"front door for AI" not in answer
    if path.lower().startswith(("/api/", "/v1/")):
        assert b"<html" not in answer.lower()


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "post", "BREW"]
)
def test_other_methods_are_refused_with_what_is_allowed(
    server: Shipped, key: str, method: str
) -> None:
    head = (
        f"{method} /api/v1/prediction/{server.chatflow} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {key}\r\nConnection: close\r\n\r\n"
    )
    status, answer = raw(server, head.encode())
    assert status in (400, 405)
    assert b"front door" not in answer


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Authorization: Bearer {key}\r\nAuthorization: Bearer {key}", 400),
        ("Authorization: Bearer {key}, Bearer {key}", 400),
        ("Authorization: Bearer {key} {key}", 400),
        ("Authorization: Bearer {key}\r\nauthorization: Basic eDp5", 400),
        ("Authorization: {key}", 401),
        ("Authorization: Basic x Bearer {key}", 401),
        ("Authorization: Token {key}", 401),
        ("Authorization: Bearer", 401),
        ("Authorization: Bearer ", 401),
        ("Authorization: Bearer\t{key}", 401),
        ("Authorization: Bearer{key}", 401),
        ("Authorization:", 401),
        ('Authorization: Bearer "{key}"', 401),
        ("Authorization: Bearer {key}=", 401),
        ("Authorization: Bearer %s" % ("A" * 129), 401),
        ("X-Api-Key: {key}", 401),
        ("Cookie: apiKey={key}; Authorization=Bearer {key}", 401),
        ("Proxy-Authorization: Bearer {key}", 401),
        ("X-Request-From: internal", 401),
        ("X-Forwarded-For: 127.0.0.1\r\nX-Original-URL: /livez", 401),
        ("Authorization: bEaReR   {key}  ", 200),
    ],
)
def test_the_header_is_read_by_one_strict_grammar(
    server: Shipped, key: str, header: str, status: int
) -> None:
    body = b'{"question":"What is Flowlatch?"}'
    head = (
        f"POST /api/v1/prediction/{server.chatflow} HTTP/1.1\r\nHost: localhost\r\n"
        f"{header.replace('{key}', key)}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    assert raw(server, head.encode(), body)[0] == status


DEEP = b'{"question":"Hi","x":' + b"[" * 100 + b"]" * 100 + b"}"
VERY_DEEP = b'{"question":"Hi","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b"", "JSON"),
        (b"{", "JSON"),
        (b"[]", "object"),
        (b'"text"', "object"),
        (b"null", "object"),
        (b"{}", "question"),
        (b'{"question":null}', "question"),
        (b'{"question":7}', "question"),
        (b'{"question":""}', "question"),
        (b'{"question":"  "}', "question"),
        (b'{"question":["Hi"]}', "question"),
        (b'{"question":"a\\u0000b"}', "question"),
        (b'{"question":"\\ud800"}', "question"),
        (b'{"question":"Hi","chatId":7.0}', "chatId"),
        (b'{"question":"Hi","chatId":"' + b"x" * 256 + b'"}', "chatId"),
        (b'{"question":"Hi","overrideConfig":[]}', "overrideConfig"),
        (b'{"question":"Hi","overrideConfig":{"sessionId":7.5}}', "sessionId"),
        (b'{"question":"Hi","x":NaN}', "x holds a number"),
        (b'{"question":"Hi","x":' + b"9" * 5000 + b"}", "x holds a number"),
        (b'{"question":"\xff\xfe"}', "UTF-8"),
        (DEEP, "32"),
        (VERY_DEEP, "32"),
    ],
)
def test_a_bad_body_is_refused_with_the_field_named(
    server: Shipped, key: str, body: bytes, names: str
) -> None:
    answer = ask(server, key, body)
    assert answer.status == 400
    assert answer.json()["code"] == "invalid_body"
    assert names in answer.json()["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "text/plain"},
        {"Content_Type": "multipart/form-data; boundary=x"},
        {"Content_Type": "application/json; charset=utf-16"},
        {"Content_Type": ""},
        {"Content_Encoding": "gzip"},
    ],
)
def test_another_media_type_is_415(server: Shipped, key: str, headers: dict[str, str]) -> None:
    assert ask(server, key, b'{"question":"Hi"}', **headers).status == 415


def test_a_body_too_large_is_refused_before_it_is_read(server: Shipped, key: str) -> None:
    head = (
        f"POST /api/v1/prediction/{server.chatflow} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        "Content-Length: 1000000000\r\n\r\n"
    )
    assert raw(server, head.encode())[0] == 413


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/v1/prediction/{flow}", "/login/"])
def test_who_sends_all_of_a_large_body_before_reading_reads_why_it_is_refused(
    server: Shipped, key: str, path: str
) -> None:
    body = b" " * (14 * 2**20)
    head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    for _ in range(5):  # a reset comes as it likes
        answer = server.request("POST", path.format(flow=server.chatflow), body, head)
        assert answer.status == 413
        assert answer.headers["connection"] == "close"


def test_an_endless_chunked_body_is_cut_off(server: Shipped, key: str) -> None:
    head = (
        f"POST /api/v1/prediction/{server.chatflow} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(head.encode())
        sent = 0
        try:
            while sent < ENDLESS:
                connection.sendall(chunk)
                sent += 1
        except OSError:
            pass
    assert sent < ENDLESS


def test_pages_take_no_large_body_either(server: Shipped) -> None:
    head = "POST /login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n"
    assert raw(server, head.encode())[0] == 413


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/v1/nothing", "/api/", "/API/v1/ping"])
def test_nothing_under_the_api_is_html(server: Shipped, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = server.request(method, path)
        assert answer.status == 404
        assert "json" in answer.headers["content-type"]


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/", "/v1/chat/completions/", "/V1/models"])
def test_what_openais_clients_mistype_is_told_in_openais_form(server: Shipped, path: str) -> None:
    answer = server.request("POST", path, {"model": server.chatflow})
    assert (answer.status, answer.headers["content-type"]) == (404, "application/json")
    assert answer.headers["x-request-id"]
    assert answer.json()["error"] == {
        "message": "There is nothing at this address. Questions go to POST /v1/chat/completions.",
        "type": "invalid_request_error",
        "param": None,
        "code": "not_found",
    }
    large = server.request("POST", "/v1/nothing", b"x" * 100_000)
    assert (large.status, large.json()["error"]["code"]) == (413, "too_large")


def test_a_foreign_host_is_refused_and_the_gate_does_not_care(server: Shipped, key: str) -> None:
    assert server.request("GET", "/login/", headers={"Host": "evil.example"}).status == 400
    api = server.request("GET", "/api/v1/nothing", headers={"Host": "evil.example"})
    assert api.status in (400, 404)
    assert "json" in api.headers["content-type"]


def test_canaries_reach_no_log(server: Shipped, key: str) -> None:
    path = f"/api/v1/prediction/{server.chatflow}"
    everywhere: dict[str, Any] = {
        "Authorization": f"Bearer {CANARY}",
        "Cookie": f"x={CANARY}",
        "User-Agent": CANARY,
        "Referer": f"http://localhost/{CANARY}",
        "X-Request-Id": CANARY,
        "Origin": f"https://{CANARY.lower().replace('_', '-')}.example",
    }
    body = json.dumps({"question": CANARY, CANARY: CANARY, "chatId": 7}).encode()
    server.request("POST", f"{path}?x={CANARY}", body, everywhere)
    server.request("POST", path, body, {**everywhere, "Authorization": f"Bearer {key}"})
    server.request("GET", f"/{CANARY}?q={CANARY}", None, everywhere)
    server.request("GET", f"/set-up/{CANARY}/", None, everywhere)
    server.request("POST", "/login/", f"login={CANARY}".encode(), everywhere)
    server.wait_for_calls(2)
    log = server.log
    assert "CANARY" not in log
    assert key not in log
    assert '"route":"set-up/<str:token>/"' in log


def test_a_stranger_sends_no_large_form_to_a_page(server: Shipped) -> None:
    answer = server.request("POST", "/login/", b"x" * 100_000)
    assert answer.status == 413
