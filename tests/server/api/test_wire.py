"""The management API on the wire: headers, methods and bodies as they come."""

import json
import socket

import pytest

from tests.server.shipped import Shipped

SELF = "/api/v1/apikey/0198c2f4-1c2b-4d5e-8f90-abcdef123456"


@pytest.fixture(scope="module")
def text(server: Shipped) -> str:
    """The text of a key that manages keys."""
    scopes = ["apikeys:view", "apikeys:create"]
    made: str = server.do("make_key", team="acme", name="manager", opens=[], scopes=scopes)
    return made


@pytest.mark.parametrize(
    ("lines", "status", "code"),
    [
        (["Authorization: Bearer {text}"], 404, "no_such_thing"),
        (["authorization:   bearer   {text}  "], 404, "no_such_thing"),
        ([], 401, "missing_token"),
        (["Authorization: Basic dXNlcjpwYXNz"], 401, "missing_token"),
        (["Authorization: {text}"], 401, "missing_token"),
        (["x-api-key: {text}"], 401, "missing_token"),
        (["Cookie: key={text}"], 401, "missing_token"),
        (["Authorization: Bearer {text}", "Authorization: Bearer {text}"], 400, "invalid_request"),
        (["Authorization: Bearer {text}, Bearer {text}"], 400, "invalid_request"),
        (["Authorization: Bearer {text} x"], 400, "invalid_request"),
        (["Authorization: Bearer {text}x"], 401, "invalid_token"),
        (["Authorization: Bearer {text}", "x-request-from: internal"], 404, "no_such_thing"),
    ],
)
def test_the_header_is_read_as_the_gate_reads_it(
    server: Shipped, text: str, lines: list[str], status: int, code: str
) -> None:
    got, headers, body = raw(server, "GET", SELF, [line.format(text=text) for line in lines])
    assert (got, json.loads(body)["code"]) == (status, code)
    assert headers["content-type"] == "application/problem+json"
    assert ("www-authenticate" in headers) is (status in (400, 401))


@pytest.mark.parametrize("query", ["?apiKey={text}", "?api_key=1&apikey={text}", "?access_token=x"])
def test_a_key_in_the_address_is_refused_and_logged_nowhere(
    server: Shipped, text: str, query: str
) -> None:
    got, _, body = raw(server, "GET", SELF + query.format(text=text), [])
    assert (got, json.loads(body)["code"]) == (400, "invalid_request")
    assert text not in server.log


def test_a_body_is_bounded_before_it_is_read(server: Shipped, text: str) -> None:
    lines = [f"Authorization: Bearer {text}", "Content-Length: 67108864"]
    got, _, body = raw(server, "POST", "/api/v1/apikey", lines)
    assert got == 413
    assert json.loads(body)["code"] == "too_large"


@pytest.mark.parametrize("path", ["/api/v1/leak-reports", "/leaked-key/"])
def test_a_report_of_64_mib_is_refused_before_it_is_read(server: Shipped, path: str) -> None:
    lines = ["Content-Type: application/json", "Content-Length: 67108864"]
    assert raw(server, "POST", path, lines)[0] == 413


def raw(
    server: Shipped, method: str, path: str, lines: list[str]
) -> tuple[int, dict[str, str], bytes]:
    """One request as these lines."""
    head = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", "Connection: close"]
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as link:
        link.sendall("\r\n".join([*head, *lines, "", ""]).encode())
        got = b""
        while piece := link.recv(65536):
            got += piece
    top, _, body = got.partition(b"\r\n\r\n")
    status, *fields = top.decode().split("\r\n")
    headers = dict(field.split(": ", 1) for field in fields)
    return int(status.split()[1]), {name.lower(): value for name, value in headers.items()}, body
