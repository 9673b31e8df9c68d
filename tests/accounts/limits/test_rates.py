"""Rates in one process: the last minute of each subject, in bounded memory."""

import subprocess
import sys

import pytest

from accounts.limits import rates
from accounts.limits.rates import Limits, ProcessRates, Rate

pytestmark = pytest.mark.fast

TWO = Rate("two", 2)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr("accounts.limits.rates.time.monotonic", lambda: now[0])
    return now


@pytest.fixture
def here(clock: list[float]) -> ProcessRates:
    return ProcessRates()


def are_admitted(here: ProcessRates, rate: Rate, *subjects: str) -> list[bool]:
    return [here.admit([(rate, subject)]).is_admitted for subject in subjects]


def test_a_subject_waits_until_its_oldest_hit_is_a_minute_old_and_others_do_not(
    here: ProcessRates, clock: list[float]
) -> None:
    assert are_admitted(here, TWO, "alice") == [True]
    clock[0] += 20
    assert are_admitted(here, TWO, "alice", "alice", "bob") == [True, False, True]
    assert here.admit([(TWO, "alice")]).wait == 40
    clock[0] += 39.5
    assert are_admitted(here, TWO, "alice") == [False]
    clock[0] += 0.5
    assert are_admitted(here, TWO, "alice", "alice") == [True, False]


def test_no_edge_lets_twice_as_much_through(here: ProcessRates, clock: list[float]) -> None:
    rate = Rate("ten", 10)
    admitted: list[float] = []
    for tenth in range(3000):
        clock[0] = 1000 + tenth / 10
        if here.admit([(rate, "alice")]).is_admitted:
            admitted.append(clock[0])
    for moment in admitted:
        assert sum(moment <= other < moment + 60 for other in admitted) <= 10
    assert len(admitted) >= 45


def test_the_standing_says_what_is_left_and_for_how_long(
    here: ProcessRates, clock: list[float]
) -> None:
    ((_, remaining, resets_in),) = here.test([(TWO, "alice")]).standings
    assert (remaining, resets_in) == (2, 60)
    assert here.admit([(TWO, "alice")]).standings[0].remaining == 1
    clock[0] += 10
    admission = here.admit([(TWO, "alice")])
    assert (admission.standings[0].remaining, admission.standings[0].resets_in) == (0, 50)
    assert (admission.is_admitted, admission.wait) == (True, 0)
    assert here.admit([(TWO, "alice")]).wait == 50


def test_to_test_counts_nothing(here: ProcessRates) -> None:
    for _ in range(5):
        assert here.test([(TWO, "alice")]).standings[0].remaining == 2
    here.hit([(TWO, "alice")])
    assert here.test([(TWO, "alice")]).standings[0].remaining == 1


def test_a_refused_call_uses_up_none_of_its_limits(here: ProcessRates) -> None:
    limits: Limits = [(Rate("key", 5), "key"), (Rate("network", 1), "network")]
    assert here.admit(limits).is_admitted
    for _ in range(9):
        refused = here.admit(limits)
        assert not refused.is_admitted
        assert [each.remaining for each in refused.standings] == [4, 0]


def test_a_call_waits_for_the_slowest_of_its_limits(here: ProcessRates, clock: list[float]) -> None:
    here.hit([(Rate("key", 1), "key")])
    clock[0] += 30
    here.hit([(Rate("network", 1), "network")])
    refused = here.admit([(Rate("key", 1), "key"), (Rate("network", 1), "network")])
    assert refused.wait == 60


def test_each_subject_can_have_a_limit_of_its_own_and_a_lower_one_holds_at_once(
    here: ProcessRates,
) -> None:
    assert are_admitted(here, Rate("key", 3), "a", "a", "b") == [True] * 3
    assert are_admitted(here, Rate("key", 1), "a", "b", "c") == [False, False, True]
    assert are_admitted(here, Rate("key", 0), "d") == [False]


def test_a_subject_that_is_named_twice_is_counted_twice(here: ProcessRates) -> None:
    assert here.hit([(TWO, "alice")] * 2).standings[1].remaining == 0
    assert are_admitted(here, TWO, "alice") == [False]


def test_rates_of_other_names_are_counted_apart(here: ProcessRates) -> None:
    assert are_admitted(here, Rate("key", 1), "one", "one") == [True, False]
    assert are_admitted(here, Rate("network", 1), "one") == [True]


def test_made_up_subjects_fill_no_memory(
    here: ProcessRates, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "MAX_SUBJECTS", 30)
    for n in range(500):
        here.admit([(TWO, f"made up {n}")])
        assert len(here._tables["two"].counts) <= 30
    clock[0] += 120
    for n in range(40):
        here.admit([(TWO, f"later {n}")])
    assert "made up 499" not in here._tables["two"].counts


def test_those_at_their_limit_are_not_pushed_out_by_others(
    here: ProcessRates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "MAX_SUBJECTS", 30)
    assert are_admitted(here, TWO, *["mallory"] * 3) == [True, True, False]
    for n in range(500):
        assert are_admitted(here, TWO, f"made up {n}") == [True]
    assert are_admitted(here, TWO, "mallory") == [False]


def test_where_all_places_are_spent_newcomers_share_counts_and_are_not_shut_out(
    here: ProcessRates, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "MAX_SUBJECTS", 30)
    for n in range(30):
        here.hit([(TWO, f"mallory {n}")] * 2)
    admitted = are_admitted(here, TWO, *[f"newcomer {n}" for n in range(10)])
    assert admitted.count(True) >= 2
    many = are_admitted(here, TWO, *[f"made up {n}" for n in range(5000)])
    assert many.count(True) <= rates.COMMON_COUNTS * 2
    table = here._tables["two"]
    assert len(table.counts) + len(table.common) <= 30 + rates.COMMON_COUNTS
    assert are_admitted(here, TWO, *[f"mallory {n}" for n in range(30)]) == [False] * 30
    clock[0] += 62
    assert are_admitted(here, TWO, *[f"newcomer {n}" for n in range(10)]) == [True] * 10


def test_nothing_of_the_shared_stores_client_is_loaded_without_limits_url() -> None:
    look = (
        "import os, sys, django; os.environ.pop('LIMITS_URL', None); django.setup();"
        "from accounts.limits import rates, stores; stores.admit([(rates.Rate('x', 1), 'y')]);"
        "from chatflows.flow_app import chats;"
        "print([name for name in ('limits', 'valkey', 'redis') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
