"""`make bench`: requests a second and processor time of the shipped server beside its peer's.

wrk does the asking, from a core of its own. The machine's speed drifts, so each round asks every
target in turn, and what counts is the median of the rounds' ratios to the bare Django view.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from apikeys import key_text
from tests.bench import bursts, cores, streams
from tests.bench.bursts import Burst, Target
from tests.ports import free_port
from tests.postgres import Postgres
from tests.server.forks import ROOT
from tests.server.shipped import OWNER, POSTGRES, Shipped, start

WRONG = key_text.generate().text  # well-formed, so that it is looked up
PEER = "bare"
STREAMS = "streams"
NAMES = (
    "right",
    "twin",
    "limited",
    "unknown",
    "mistyped",
    "none",
    "livez",
    STREAMS,
)  # what --only takes


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
    for connections in arguments.connections:

        def ask(target: Target, connections: int = connections) -> Burst:
            return bursts.burst(target, connections, arguments.seconds, folder)

        _print(connections, targets, bursts.rounds(targets, arguments.rounds, ask))


def _print(connections: int, targets: list[Target], seen: dict[str, list[Burst]]) -> None:
    head = f"{'req/s':>7} {'p50 ms':>8} {'p99 ms':>8} {'us/req':>7}"
    print(f"\n{connections} connections\n{'':26} {head}   {'by rate':20} by processor time")
    for target in targets:
        mine, peer = seen[target.name], seen[PEER]
        rate, p50, p99, cost = (
            statistics.median(getattr(each, name) for each in mine)
            for name in ("rate", "p50", "p99", "cost")
        )
        ratios = f"{bursts.by_rate(mine, peer)!s:20} {bursts.by_cost(mine, peer)}"
        print(f"{target.title:26} {rate:7.0f} {p50:8.2f} {p99:8.2f} {cost:7.0f}   {ratios}")
    sys.stdout.flush()


def main() -> None:
    """Start both servers, measure, stop them."""
    arguments = _arguments()
    if shutil.which("wrk") is None:
        raise SystemExit("The benchmark needs wrk: on Debian, apt-get install wrk")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        core = stack.enter_context(cores.apart())
        print(_where(core), flush=True)
        if arguments.database == "postgres":  # as durable as it comes
            os.environ[POSTGRES] = stack.enter_context(Postgres()).url
        port = free_port()
        with cores.starting_on(core):
            server = start(folder / "data", OWNER, is_fork=False)
            stack.callback(server.stop)
            peer = bare(port)
            stack.callback(peer.wait)
            stack.callback(peer.terminate)
        asked = [Target(PEER, "bare async Django view", f"http://127.0.0.1:{port}/", peer.pid)]
        asked += [each for each in targets(server) if each.name in arguments.only]
        if len(asked) > 1:
            measure(asked, arguments, folder)
        if STREAMS in arguments.only:
            streams.measure(server, core, arguments.streams, arguments.stream_seconds, stack)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, nargs="*", default=[1, 16, 64])
    parser.add_argument("--streams", type=int, nargs="*", default=[30, 1000])
    parser.add_argument("--stream-seconds", type=float, default=10)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="NAME")
    return parser.parse_args()


def _where(core: int | None) -> str:
    if core is None:
        return "NOT PINNED: needs Linux and two cores. The ratios are no measure of one core."
    return f"Servers on core {core}; wrk, upstream, readers and PostgreSQL on another."


def targets(server: Shipped) -> list[Target]:
    """What the gate answers."""
    key = server.do("make_key", team="acme", name="bench", opens=[server.chatflow])
    twins = _twins(server)
    url = f"{server.url}/api/v1/prediction/{server.chatflow}"
    pid = server.process.pid

    def call(name: str, title: str, *headers: str) -> Target:
        return Target(name, title, url, pid, headers, True)

    return [
        *[
            Target(name, title, f"{server.url}/api/v1/prediction/{chatflow}", pid, headers, True)
            for name, title, chatflow, headers in twins
        ],
        call("right", "right key, answered", f"Authorization: Bearer {key}"),
        call("unknown", "unknown key, refused", f"Authorization: Bearer {WRONG}"),
        call("mistyped", "mistyped key, refused", f"Authorization: Bearer {key}x"),
        call("none", "no key, refused"),
        Target("livez", "/livez", f"{server.url}/livez", pid),
    ]


def _twins(server: Shipped) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Make two chatflows that are alike, one without any limit and one with four."""
    found: list[tuple[str, str, str, tuple[str, ...]]] = []
    for name, title in (("twin", "without limits"), ("limited", "with four limits")):
        entries = [["What is Flowlatch?", "A front door."]]
        chatflow = server.do("make_chatflow", team="acme", name=name, entries=entries)
        key = server.do("make_key", team="acme", name=name, opens=[chatflow])
        found.append((name, title, chatflow, (f"Authorization: Bearer {key}",)))
    most = 1_000_000_000
    limits = {"limit_minute": most, "limit_day": most, "limit_streams": 1000}
    server.do("change_key", name="limited", **limits)
    server.do("change_chatflow", chatflow=chatflow, limit_minute=most)
    return found


if __name__ == "__main__":
    main()
