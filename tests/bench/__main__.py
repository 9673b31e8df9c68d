"""`make bench`: requests a second and latencies of the shipped server, interleaved with the peer's.

wrk does the asking. The machine's speed drifts, so each round asks every target in turn, and what
counts is the median of the rounds' ratios to the bare Django view.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from apikeys import key_text
from tests.bench import streams
from tests.postgres import Postgres
from tests.server.forks import ROOT
from tests.server.shipped import OWNER, POSTGRES, Shipped, free_port, start

WRONG = key_text.generate().text  # well-formed, so that it is looked up
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}  # to milliseconds


@dataclass(frozen=True)
class Target:
    """Something to ask."""

    name: str
    url: str
    headers: tuple[str, ...] = ()
    is_post: bool = False


@dataclass(frozen=True)
class Burst:
    """What one burst of wrk saw: requests a second, latencies in milliseconds."""

    rate: float
    p50: float
    p99: float


def burst(target: Target, connections: int, seconds: int, script: Path) -> Burst:
    """Ask a target for some seconds."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", target.url]
    if target.is_post:
        command[1:1] = ["-s", str(script)]
    for header in target.headers:
        command[1:1] = ["-H", header]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return Burst(
        float(_find(r"Requests/sec:\s+([\d.]+)", printed)),
        _milliseconds(_find(r"(?m)^ +50%\s+(\S+)", printed)),
        _milliseconds(_find(r"(?m)^ +99%\s+(\S+)", printed)),
    )


def _find(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise SystemExit(f"wrk printed no {pattern}: {text}")
    return found[1]


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return float(number) * UNITS[unit]


def bare(port: int) -> subprocess.Popen[bytes]:
    """The peer, in the same kind of server."""
    command = [sys.executable, "-m", "uvicorn", "tests.bench.bare:application"]
    command += ["--port", str(port), "--no-access-log", "--log-level", "warning"]
    process = subprocess.Popen(command, cwd=ROOT)
    for _ in range(100):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/").close()
        except OSError:
            time.sleep(0.1)
        else:
            return process
    raise SystemExit("The bare view did not start.")


def measure(targets: list[Target], arguments: argparse.Namespace, folder: Path) -> None:
    """Rounds over all targets, then a table for each number of connections."""
    script = folder / "post.lua"
    script.write_text(
        'wrk.method = "POST"\nwrk.body = \'{"question": "What is Flowlatch?"}\'\n'
        'wrk.headers["Content-Type"] = "application/json"\n'
    )
    for connections in arguments.connections:
        seen: defaultdict[str, list[Burst]] = defaultdict(list)
        for _ in range(arguments.rounds):
            for target in targets:
                seen[target.name].append(burst(target, connections, arguments.seconds, script))
        _print(connections, targets, seen)


def _print(connections: int, targets: list[Target], seen: dict[str, list[Burst]]) -> None:
    peer = [each.rate for each in seen[targets[0].name]]
    print(f"\n{connections} connections\n{'':26}   req/s   p50 ms   p99 ms   ratio")
    for target in targets:
        bursts = seen[target.name]
        ratio = statistics.median(b.rate / p for b, p in zip(bursts, peer, strict=True))
        rate, p50, p99 = (
            statistics.median(getattr(b, name) for b in bursts) for name in ("rate", "p50", "p99")
        )
        print(f"{target.name:26} {rate:7.0f} {p50:8.2f} {p99:8.2f} {ratio:7.2f}")


def main() -> None:
    """Start both servers, measure, stop them."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, nargs="*", default=[1, 16, 64])
    parser.add_argument("--streams", type=int, nargs="*", default=[30, 1000])
    parser.add_argument("--stream-seconds", type=float, default=10)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("The benchmark needs wrk: on Debian, apt-get install wrk")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if arguments.database == "postgres":  # as durable as it comes
            os.environ[POSTGRES] = stack.enter_context(Postgres()).url
        server = start(folder / "data", OWNER, is_fork=False)
        stack.callback(server.stop)
        port = free_port()
        peer = bare(port)
        stack.callback(peer.wait)
        stack.callback(peer.terminate)
        measure(targets(server, f"http://127.0.0.1:{port}/"), arguments, folder)
        streams.measure(server, arguments.streams, arguments.stream_seconds, stack)


def targets(server: Shipped, peer: str) -> list[Target]:
    """The peer first, then what the gate answers."""
    key = server.do("make_key", team="acme", name="bench", opens=[server.chatflow])
    url = f"{server.url}/api/v1/prediction/{server.chatflow}"
    return [
        Target("bare async Django view", peer),
        Target("right key, answered", url, (f"Authorization: Bearer {key}",), True),
        Target("unknown key, refused", url, (f"Authorization: Bearer {WRONG}",), True),
        Target("mistyped key, refused", url, (f"Authorization: Bearer {key}x",), True),
        Target("no key, refused", url, (), True),
        Target("/livez", f"{server.url}/livez"),
    ]


if __name__ == "__main__":
    main()
