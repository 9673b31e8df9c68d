"""Windows count the calls of the last 60 seconds, never one too few."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.limits.windows import SECONDS, Window

pytestmark = pytest.mark.fast


def test_calls_leave_after_sixty_seconds() -> None:
    window = Window()
    for now in (100.0, 100.5, 130.0):
        window.add(now)
    assert (window.at(159.9), window.wait(159.9)) == (3, 1)
    assert window.at(160.4) == 3  # the two of one second leave together
    assert window.at(160.5) == 1
    assert (window.at(189.9), window.at(190.0)) == (1, 0)
    assert window.wait(200.0) == SECONDS


def test_a_call_that_is_taken_back_never_was() -> None:
    window = Window()
    window.take_back()
    window.add(100.0)
    window.add(150.0)
    window.take_back()
    assert window.at(150.0) == 1
    assert window.at(160.0) == 0
    window.add(161.0)
    assert (window.at(161.0), window.at(221.0)) == (1, 0)


@given(st.lists(st.floats(0, 30), max_size=60))
def test_no_call_of_the_last_sixty_seconds_is_missing(gaps: list[float]) -> None:
    window, now, calls = Window(), 1000.0, []
    for gap in gaps:
        now += gap
        window.at(now)
        window.add(now)
        calls.append(now)
        young = sum(now - at < SECONDS for at in calls)
        old = sum(now - at < SECONDS + 1 for at in calls)
        assert young <= window.at(now) <= old
