"""A real uvicorn on a loopback port, and connections to it.

FLOWLATCH_WIRE_SERVER=host:port:pid   run the tests marked `shipped` against that server instead
FLOWLATCH_WIRE_PROTOCOL=httptools     run without the guard, to see the tests fail
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wire.wires import PATIENCE, Connect, Server, Wire

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = os.environ.get("FLOWLATCH_WIRE_SERVER", "")
PROTOCOL = os.environ.get("FLOWLATCH_WIRE_PROTOCOL", "echo:HastyProtocol")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if SHIPPED:
        host, port, pid = SHIPPED.rsplit(":", 2)
        yield Server(host, int(port), int(pid))
        return
    log = tmp_path_factory.mktemp("wire") / "uvicorn.log"
    process = start(log, PROTOCOL)
    try:
        yield Server("127.0.0.1", port_of(process, log), process.pid, log)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def connect(server: Server) -> Iterator[Connect]:
    wires: list[Wire] = []

    def connect() -> Wire:
        wires.append(Wire(server))
        return wires[-1]

    yield connect
    for wire in wires:
        wire.socket.close()


@pytest.fixture(autouse=True)
def _only_what_the_shipped_server_can_do(request: pytest.FixtureRequest) -> None:
    if SHIPPED and request.node.get_closest_marker("shipped") is None:
        pytest.skip("needs the application in echo.py")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "shipped: holds for any application behind the wire guard")


def start(log: Path, protocol: str, *options: str) -> "subprocess.Popen[bytes]":
    """Start uvicorn with the application in echo.py."""
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(Path(__file__).parent)]
    command += [
        "--interface",
        "asgi3",
        "--http",
        protocol,
        "--ws",
        "none",
        "--no-proxy-headers",
        "--lifespan",
        "off",
    ]
    command += ["--host", "127.0.0.1", "--port", "0", "--no-access-log", *options, "echo:app"]
    with log.open("wb") as sink:
        return subprocess.Popen(command, cwd=ROOT, stderr=sink, stdout=sink)


def port_of(process: "subprocess.Popen[bytes]", log: Path) -> int:
    """Wait until it listens."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"running on http://127\.0\.0\.1:(\d+)", log.read_text())
        if found:
            return int(found[1])
        time.sleep(0.02)
    raise RuntimeError(f"uvicorn did not start: {log.read_text()}")
