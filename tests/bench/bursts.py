"""Bursts of wrk at a target: its rate, its latencies, and the processor time of its server."""

import re
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench import processes

UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}  # to milliseconds
# A call's record is written up to half a second later; its cost is the call's.
SETTLED_AFTER = 0.8  # seconds
SCRIPT = (
    'wrk.method = "POST"\nwrk.body = \'{"question": "What is Flowlatch?"}\'\n'
    'wrk.headers["Content-Type"] = "application/json"\n'
)


@dataclass(frozen=True)
class Target:
    """Something to ask, and the process that answers."""

    name: str
    title: str
    url: str
    pid: int
    headers: tuple[str, ...] = ()
    is_post: bool = False


@dataclass(frozen=True)
class Burst:
    """What one burst saw: requests a second, milliseconds, microseconds of processor a request."""

    rate: float
    p50: float
    p99: float
    cost: float


@dataclass(frozen=True)
class Ratio:
    """How many times better than the peer: the median of the rounds, the lowest, the highest."""

    median: float
    lowest: float
    highest: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.lowest:.1f} to {self.highest:.1f})"


def burst(target: Target, connections: int, seconds: int, folder: Path) -> Burst:
    """Ask a target for some seconds."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", target.url]
    if target.is_post:
        script = folder / "post.lua"
        script.write_text(SCRIPT)
        command[1:1] = ["-s", str(script)]
    for header in target.headers:
        command[1:1] = ["-H", header]
    before = processes.processor_seconds(target.pid)
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    time.sleep(SETTLED_AFTER)
    spent = processes.processor_seconds(target.pid) - before
    return read(printed, spent)


def read(printed: str, spent: float) -> Burst:
    """What wrk printed, beside the seconds of processor that the server spent on it."""
    return Burst(
        float(_find(r"Requests/sec:\s+([\d.]+)", printed)),
        _milliseconds(_find(r"(?m)^ +50%\s+(\S+)", printed)),
        _milliseconds(_find(r"(?m)^ +99%\s+(\S+)", printed)),
        spent * 1e6 / max(1, int(_find(r"(\d+) requests in ", printed))),
    )


def rounds(
    targets: list[Target], count: int, ask: Callable[[Target], Burst]
) -> dict[str, list[Burst]]:
    """Ask all targets in turn; in each second round in reverse, for the machine drifts."""
    seen: dict[str, list[Burst]] = {target.name: [] for target in targets}
    for number in range(count):
        for target in targets if number % 2 == 0 else reversed(targets):
            seen[target.name].append(ask(target))
    return seen


def by_rate(bursts: list[Burst], peer: list[Burst]) -> Ratio:
    """How many times as many requests a second."""
    return _ratio([b.rate / p.rate for b, p in zip(bursts, peer, strict=True)])


def by_cost(bursts: list[Burst], peer: list[Burst]) -> Ratio:
    """How many times as many requests in the same processor time."""
    return _ratio([p.cost / b.cost for b, p in zip(bursts, peer, strict=True)])


def _ratio(ratios: list[float]) -> Ratio:
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def _find(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise SystemExit(f"wrk printed no {pattern}: {text}")
    return found[1]


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return float(number) * UNITS[unit]
