"""nginx with the file of deploy/ before two instances: streams, sizes, JSON for programs."""

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatflows.gate.openai import completions
from config import server, settings
from tests.chatflows.engines.upstreams import hosting
from tests.deploy import proxies
from tests.deploy.proxies import HOST, Proxy
from tests.server import shipped
from tests.server.shipped import OWNER, Shipped
from tests.server.world import LIMITS, World

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(proxies.BINARY is None, reason="needs nginx"),
]
NEW = "new.0123456789ab.css"
BEHIND = {**OWNER, "PUBLIC_URL": f"https://{HOST}", "TRUSTED_PROXIES": "127.0.0.1"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The first instance, with upstreams behind it."""
    folder = tmp_path_factory.mktemp("instances")
    with hosting() as host:
        yield World(shipped.start(folder, {**BEHIND, **LIMITS}), host)


@pytest.fixture(scope="module")
def instances(world: World) -> Iterator[list[Shipped]]:
    """Both, before the same database."""
    # As after an upgrade: the second one has a file that the first one doesn't know.
    (world.server.folder / "static" / NEW).write_text("new")
    second = shipped.start(world.server.folder, {**BEHIND, **LIMITS})
    yield [world.server, second]
    for each in (second, world.server):
        assert each.stop() == 0


@pytest.fixture(scope="module")
def proxy(instances: list[Shipped], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    with proxies.running(folder, [each.port for each in instances]) as running:
        yield running


@pytest.fixture(scope="module")
def key(world: World) -> str:
    return world.key(world.server.chatflow)


def ask(
    proxy: Proxy, flow: str, key: str, body: bytes = b'{"question": "What is Flowlatch?"}'
) -> int:
    head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    return proxy.request("POST", f"/api/v1/prediction/{flow}", body, head)[0]


def test_pages_and_calls_are_answered_over_tls(proxy: Proxy, world: World, key: str) -> None:
    status, headers, _ = proxy.request("GET", "/login/", headers={"Accept-Encoding": "gzip"})
    assert status == 200
    assert "__Host-" in headers["Set-Cookie"]
    assert headers["Strict-Transport-Security"]
    assert ask(proxy, world.server.chatflow, key) == 200
    assert ask(proxy, world.server.chatflow, "wrong") == 401
    sheet = re.search(rb'/static/css/2-base[^"]+', proxy.request("GET", "/login/")[2])
    assert sheet is not None
    assert proxy.request("GET", sheet[0].decode())[0] == 200
    assert proxy.request("GET", "/static/nothing.css")[0] == 404


def test_a_file_that_one_instance_lacks_is_asked_of_the_other(proxy: Proxy) -> None:
    """During an upgrade a page of the new version is followed by requests to the old one."""
    found = [proxy.request("GET", f"/static/{NEW}") for _ in range(6)]
    assert [(status, body) for status, _, body in found] == [(200, b"new")] * 6


def test_plain_http_is_sent_to_https(proxy: Proxy) -> None:
    with socket.create_connection(("127.0.0.1", proxy.plain_port)) as plain:
        plain.sendall(f"GET /login/ HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
        head = plain.recv(4096).decode()
    assert head.startswith("HTTP/1.1 308 ")
    assert f"Location: https://{HOST}/login/\r\n" in head


def test_a_stream_is_passed_on_token_by_token(proxy: Proxy, world: World) -> None:
    """The upstream says its second word only when the first one has reached the client."""
    first_was_read = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        writer.write(b'data: {"choices": [{"delta": {"content": "first "}}]}\n\n')
        await writer.drain()
        await first_was_read.wait()
        writer.write(b'data: {"choices": [{"delta": {"content": "second"}}]}\n\n')
        writer.write(b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n')
        writer.write(b"data: [DONE]\n\n")
        await writer.drain()

    flow = world.chatflow("openai", {"base_url": f"{world.host.listen(answer)}/v1", "model": "m"})
    head = {"Authorization": f"Bearer {world.key(flow)}", "Content-Type": "application/json"}
    connection = proxy.connect()
    body = json.dumps({"question": "go", "streaming": True})
    connection.request("POST", f"/api/v1/prediction/{flow}", body, {"Host": HOST, **head})
    response = connection.getresponse()
    while b"first" not in response.readline():
        pass
    world.host.loop.call_soon_threadsafe(first_was_read.set)
    rest = response.read()
    assert b"second" in rest
    assert b"[DONE]" in rest
    connection.close()


@pytest.mark.parametrize(
    ("path", "largest"), [("/api/v1/prediction/{}", 12 * 2**20), ("/v1/chat/completions", 2**21)]
)
def test_a_body_of_the_largest_size_passes_and_a_larger_one_is_refused_in_json(
    proxy: Proxy, world: World, key: str, path: str, largest: int
) -> None:
    path = path.format(world.server.chatflow)
    head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    status, headers, body = proxy.request("POST", path, b" " * largest, head)
    assert (status, code_of(path, body)) == (400, "invalid_body"), "read, and no JSON"
    status, headers, body = proxy.request("POST", path, b" " * (largest + 1), head)
    assert (status, headers["Content-Type"]) == (413, "application/json")
    assert code_of(path, body) == "too_large"


def code_of(path: str, body: bytes) -> object:
    """The code in an error, in the form of its address."""
    answer = json.loads(body)
    return answer["error"]["code"] if path.startswith("/v1/") else answer["code"]


def test_a_head_that_is_too_large_is_refused_in_one_line(proxy: Proxy) -> None:
    status, headers, body = proxy.request("GET", "/api/v1/ping", headers={"X-Large": "x" * 17_000})
    assert (status, headers["Content-Type"], body.count(b"\n")) == (400, "text/plain", 1)


def test_the_log_shows_no_key_in_an_address_and_no_link(proxy: Proxy) -> None:
    proxy.request("GET", "/api/v1/ping?apiKey=flk_sk_canary")
    for path in ("/set-up/fll_canary/", "/join/fll_canary/canary/", "/key-link/fll_canary/"):
        proxy.request("GET", path)
    logged = "".join(each.read_text() for each in proxy.folder.glob("*.log"))
    assert '"GET /api/v1/ping" 200' in logged
    assert '"GET /join/..." ' in logged
    assert "canary" not in logged


def test_one_instance_that_is_away_costs_no_call_and_two_are_told_in_json(
    tmp_path: Path, world: World, key: str
) -> None:
    """A question that an instance has not taken goes to the other one."""
    with socket.socket() as away:
        away.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        port = away.getsockname()[1]
        with proxies.running(tmp_path, [port, world.server.port]) as proxy:
            assert {ask(proxy, world.server.chatflow, key) for _ in range(20)} == {200}
        with proxies.running(tmp_path, [port, port]) as proxy:
            refused_in_json(proxy, 502, "proxy_unreachable")


def test_a_silent_instance_is_told_in_json(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        times = {"proxy_read_timeout 1830s": "proxy_read_timeout 100ms"}
        with proxies.running(tmp_path, [port, port], **times) as proxy:
            refused_in_json(proxy, 504, "proxy_timeout")


def refused_in_json(proxy: Proxy, wanted: int, code: str) -> None:
    for path in ("/api/v1/ping", "/API/v1/ping", "/v1/models", "/v1/chat/completions"):
        status, headers, body = proxy.request("POST", path, b"{}")
        assert (status, headers["Content-Type"]) == (wanted, "application/json"), path
        assert code_of(path, body) == code


def test_the_times_and_sizes_of_the_file_fit_ours() -> None:

    text = proxies.FILE.read_text()
    reads = [int(each) for each in re.findall(r"proxy_read_timeout (\d+)s;", text)]
    assert sorted(reads)[1:] == [settings.UPSTREAM_TOTAL_TIMEOUT + 30] * 2
    assert int(re.findall(r"keepalive_timeout (\d+)s;", text)[0]) < server.KEEP_ALIVE
    sizes = [int(each) * 2**20 for each in re.findall(r"client_max_body_size (\d+)m;", text)]
    assert sizes == [completions.MAX_BODY_BYTES, settings.MAX_BODY_BYTES]
