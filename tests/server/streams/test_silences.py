"""Upstreams that stay silent: a proxy in front hears from a stream before it gives up."""

import asyncio
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.chatflows.engines import faults
from tests.chatflows.engines.upstreams import Handler, hosting
from tests.ports import free_port
from tests.server.forks import PATIENCE
from tests.server.shipped import OWNER, SERVE, start
from tests.server.world import World, eventually

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("silences")]

CHUNK = b'data: {"choices":[{"delta":{"content":"Hello"},"finish_reason":"stop"}]}\n\n'
NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_http_version 1.1;
            proxy_read_timeout {timeout}s;
        }}
    }}
}}
"""


class Pace(NamedTuple):
    """How long everybody waits, in seconds, and the program that is started."""

    silence: float  # of the upstream
    read_timeout: int  # of the proxy, which is shorter
    first_within: float
    silent_within: float
    command: tuple[str, ...]


SHIPPED = Pace(24.0, 20, 11.0, 16.5, SERVE)
# Here the proxy alone judges: it cuts off a stream that says nothing for its timeout.
HURRIED = Pace(4.0, 3, PATIENCE, PATIENCE, ("-m", "tests.server.hurried"))


def silent(seconds: float, *, head: bool) -> Handler:
    """Says nothing for a long time, with or without its head, then its answer or an error."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await faults.read_request(reader)
        if head:
            writer.write(faults.SSE)
        await asyncio.sleep(seconds)
        if head:
            writer.write(faults.chunked(CHUNK) + b"0\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    return handler


@pytest.fixture(
    params=[HURRIED, pytest.param(SHIPPED, marks=pytest.mark.large)], ids=["hurried", "shipped"]
)
def pace(request: pytest.FixtureRequest) -> Pace:
    """In a hurry, or as it is shipped."""
    chosen: Pace = request.param
    return chosen


@pytest.fixture
def patient(tmp_path: Path, pace: Pace) -> Iterator[World]:
    """A server that waits for its upstream as long as it is shipped to."""
    with hosting() as host:
        running = start(tmp_path / "patient", OWNER, command=pace.command)
        yield World(running, host)
        assert running.stop() == 0
        assert "Traceback" not in running.log


@pytest.fixture
def proxy(patient: World, pace: Pace, tmp_path: Path) -> Iterator[int]:
    """The port of an nginx in front of the server."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("there is no nginx")
    port = free_port()
    config = tmp_path / "nginx.conf"
    upstream, timeout = patient.server.port, pace.read_timeout
    config.write_text(NGINX.format(folder=tmp_path, port=port, upstream=upstream, timeout=timeout))
    with subprocess.Popen([nginx, "-c", str(config), "-p", str(tmp_path)]) as running:
        try:
            assert eventually(lambda: _answers(port))
            yield port
        finally:
            running.terminate()


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


class Asked:
    """A streamed question, and when each piece of its answer came."""

    def __init__(self, port: int, path: str, key: str, body: dict[str, object]) -> None:
        text = json.dumps(body)
        self.began = time.monotonic()
        self.pieces: list[tuple[float, bytes]] = []
        self.client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.client.sendall(
            (
                f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(text)}\r\n\r\n{text}"
            ).encode()
        )

    def read(self) -> bytes:
        """Read to the end."""
        with self.client:
            while piece := self.client.recv(65536):
                self.pieces.append((time.monotonic() - self.began, piece))
        return b"".join(piece for _, piece in self.pieces)

    @property
    def longest_silence(self) -> float:
        """The longest time in which nothing came, in seconds."""
        times = [0.0, *[at for at, _ in self.pieces]]
        return max(b - a for a, b in pairwise(times))


def test_a_silent_upstream_is_waited_for_through_a_proxy(
    patient: World, proxy: int, pace: Pace
) -> None:
    urls = [patient.host.listen(silent(pace.silence, head=head)) for head in (True, False)]
    good, bad = (patient.openai_flow(base_url=f"{url}/v1") for url in urls)
    flowise = patient.flowise_flow(urls[1])
    key = patient.key(good, bad, flowise)
    question: dict[str, object] = {"question": "Why?", "streaming": True}
    messages = [{"role": "user", "content": "Why?"}]

    def complete(flow: str) -> Asked:
        body: dict[str, object] = {"model": flow, "stream": True, "messages": messages}
        return Asked(proxy, "/v1/chat/completions", key, body)

    asked = {  # all at once: each takes as long as the upstream
        "flowise": Asked(proxy, f"/api/v1/prediction/{good}", key, question),
        "openai": complete(good),
        "failed": Asked(proxy, f"/api/v1/prediction/{bad}", key, question),
        "failed openai": complete(bad),
        "failed flowise": Asked(proxy, f"/api/v1/prediction/{flowise}", key, question),
    }
    with ThreadPoolExecutor(len(asked)) as pool:
        told = dict(zip(asked, pool.map(Asked.read, asked.values()), strict=True))
    for name, answer in told.items():
        assert answer.startswith(b"HTTP/1.1 200 "), name
        assert b":heartbeat\n\n" in answer, name
        assert asked[name].pieces[0][0] < pace.first_within, name
        assert asked[name].longest_silence < pace.silent_within, name
    assert b'"event":"token","data":"Hello"' in told["flowise"]
    assert b'"content":"Hello"' in told["openai"]
    assert b"data: [DONE]" in told["openai"]
    assert b'"event":"error"' in told["failed"]
    assert b'"event":"error"' in told["failed flowise"]
    assert b'data: {"error":{' in told["failed openai"]
    assert b"[DONE]" not in told["failed openai"]
    rows = patient.server.wait_for_calls(2, bad)
    assert [(r["status"], r["code"], r["upstream_status"]) for r in rows] == [
        (200, "upstream_error", 503)
    ] * 2
