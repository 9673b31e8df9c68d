"""Paces: a count for each network and minute."""

import pytest

from accounts.limits import paces
from accounts.limits.paces import Pace

pytestmark = pytest.mark.fast


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr("accounts.limits.paces.time.monotonic", lambda: now[0])
    return now


def test_a_network_waits_for_the_next_minute_and_others_do_not(clock: list[float]) -> None:
    pace = Pace(2)
    assert [pace.wait("192.0.2.1"), pace.wait("192.0.2.99")] == [0, 0]
    clock[0] += 20
    assert pace.wait("192.0.2.1") == 41
    assert pace.wait("198.51.100.1") == 0
    assert pace.wait("2001:db8::1") == 0
    clock[0] += 40
    assert pace.wait("192.0.2.1") == 0


def test_made_up_networks_fill_no_memory(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paces, "MAX_NETWORKS", 3)
    pace = Pace(2)
    waits = [pace.wait(f"10.0.{n}.1") for n in range(9)]
    assert [wait > 0 for wait in waits] == [False] * 3 + [True] * 6
    assert len(pace._counted) <= 3
    assert pace.wait("10.0.0.2") == 0
