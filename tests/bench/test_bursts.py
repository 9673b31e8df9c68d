"""The benchmark's reckoning: what wrk printed, in which order targets are asked, the ratios."""

import os
from dataclasses import replace

import pytest

from tests.bench import bursts, cores, processes
from tests.bench.bursts import Burst, Ratio, Target

pytestmark = pytest.mark.fast
PRINTED = """Running 3s test @ http://127.0.0.1:8000/
  1 threads and 16 connections
  Latency Distribution
     50%  640.00us
     75%    5.01ms
     90%    7.71ms
     99%    1.05s
  4000 requests in 3.10s, 1.13MB read
Requests/sec:   1290.32
Transfer/sec:    374.28KB
"""
SEEN = Burst(rate=1290.32, p50=0.64, p99=1050.0, cost=500.0)


def test_a_burst_is_read_from_what_wrk_prints() -> None:
    assert bursts.read(PRINTED, spent=2.0) == SEEN


def test_each_second_round_asks_in_reverse() -> None:
    order: list[str] = []

    def ask(target: Target) -> Burst:
        order.append(target.name)
        return SEEN

    seen = bursts.rounds([Target(name, name, "", 1) for name in "abc"], 3, ask)
    assert "".join(order) == "abccbaabc"
    assert seen == {name: [SEEN] * 3 for name in "abc"}


def test_ratios_are_those_of_each_round_to_its_peer() -> None:
    peer = [replace(SEEN, rate=rate, cost=cost) for rate, cost in ((10, 90), (20, 80), (10, 60))]
    mine = [replace(SEEN, rate=rate, cost=cost) for rate, cost in ((30, 30), (40, 20), (50, 10))]
    assert bursts.by_rate(mine, peer) == Ratio(3, 2, 5)
    assert bursts.by_cost(mine, peer) == Ratio(4, 3, 6)


@pytest.mark.skipif(not cores.can_pin(), reason="processes can't be held to a core here")
def test_servers_start_on_a_core_of_their_own() -> None:
    before = os.sched_getaffinity(0)
    with cores.apart() as core:
        around = os.sched_getaffinity(0)
        with cores.starting_on(core):
            assert os.sched_getaffinity(0) == {core}
        assert os.sched_getaffinity(0) == around
        assert len(around) == 1
        assert core not in around
    assert os.sched_getaffinity(0) == before


def test_what_a_process_uses_is_counted() -> None:
    before = processes.processor_seconds(os.getpid())
    while processes.processor_seconds(os.getpid()) == before:
        pass
    assert processes.resident_mib(os.getpid()) > 5
