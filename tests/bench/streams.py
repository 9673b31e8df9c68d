"""Streams through the shipped server, beside a bare aiohttp relay and the upstream itself."""

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass

import uvloop

from tests.bench import cores, processes, readers
from tests.bench.readers import Seen
from tests.ports import free_port
from tests.server.forks import ROOT
from tests.server.shipped import Shipped

FLOW = "0f8c2f4e-8f5e-4f0e-9f4e-0f8c2f4e8f5e"
OPENED_OVER = 5.0  # seconds, for a thousand


@dataclass(frozen=True)
class Target:
    """Something to read streams from, and the process whose cost counts."""

    name: str
    port: int
    head: str
    pid: int


def measure(
    server: Shipped, core: int | None, counts: list[int], seconds: float, stack: ExitStack
) -> None:
    """A table for each number of streams, opened over five seconds a thousand.

    The relay starts on the core that the server is held to.
    """
    targets = _start(server, core, seconds, stack)
    for target in targets:  # what is made once is made before
        _read(target, 1)
    for count in counts:
        print(f"\n{count} streams of {seconds:.0f} s, 20 events a second, one core")
        print(f"{'':20} complete  first p50/p99 ms    lag p50/p99 ms   us/event  KiB/stream")
        for target in targets:
            _print(target, count, *_read(target, count))


def _start(server: Shipped, core: int | None, seconds: float, stack: ExitStack) -> list[Target]:
    upstream, relay = free_port(), free_port()
    writing = _run(stack, "tests.bench.upstream", str(upstream), str(seconds))
    with cores.starting_on(core):
        relaying = _run(stack, "tests.bench.relay", str(relay), f"http://127.0.0.1:{upstream}/")
    chatflow = server.do("make_chatflow", team="acme", name="Streams", entries=[])
    config = {"base_url": f"http://127.0.0.1:{upstream}", "flow_id": FLOW}
    server.do("set_engine", chatflow=chatflow, engine="flowise", config=config)
    key = server.do("make_key", team="acme", name="streams", opens=[chatflow])
    path = f"/api/v1/prediction/{chatflow}"
    time.sleep(1)  # both listen
    return [
        Target("the upstream itself", upstream, "POST / HTTP/1.1", writing.pid),
        Target("bare aiohttp relay", relay, "POST / HTTP/1.1", relaying.pid),
        Target(
            "through the gate",
            server.port,
            f"POST {path} HTTP/1.1\r\nAuthorization: Bearer {key}",
            server.process.pid,
        ),
    ]


def _run(stack: ExitStack, *module: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-m", *module], cwd=ROOT)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process


def _read(target: Target, count: int) -> tuple[Seen, float, float]:
    body = json.dumps({"question": "Hey?", "streaming": True}).encode()
    head = f"{target.head}\r\nHost: bench\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    memory = processes.resident_kib(target.pid)
    spent = processes.processor_seconds(target.pid)
    over = OPENED_OVER * count / 1000
    seen = uvloop.run(readers.read(target.port, request, count, over))
    spent = processes.processor_seconds(target.pid) - spent
    return seen, spent, max(0, processes.peak_kib(target.pid) - memory)


def _print(target: Target, count: int, seen: Seen, seconds: float, kib: float) -> None:
    first, lag = sorted(seen.firsts), sorted(seen.lags)
    print(
        f"{target.name:20} {seen.complete:8} {_at(first, 0.5):9.1f} {_at(first, 0.99):8.1f} "
        f"{_at(lag, 0.5):9.1f} {_at(lag, 0.99):7.1f} {1e6 * seconds / max(1, len(lag)):9.1f} "
        f"{kib / count:11.1f}",
        flush=True,
    )


def _at(values: list[float], share: float) -> float:
    return values[int(share * (len(values) - 1))] if values else float("nan")
