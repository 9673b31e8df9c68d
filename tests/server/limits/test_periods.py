"""Row 11 on the wire: calls of a day and of a month, which outlive the process."""

import signal
from pathlib import Path

import pytest

from tests.server.limits import floods
from tests.server.shipped import OWNER, Shipped, start
from tests.server.world import eventually

pytestmark = pytest.mark.server


@pytest.mark.parametrize(("measure", "length"), [("day", 10), ("month", 7)])
def test_exactly_the_limit_of_a_day_or_a_month_is_let_in(
    server: Shipped, measure: str, length: int
) -> None:
    mine = floods.pair(server)
    mine.limit_key(**{f"limit_{measure}": 60})
    assert floods.statuses(mine.ask, 90) == {200: 60, 429: 30}
    assert mine.reasons(90) == {"ok": 60, f"key_{measure}": 30}
    counts = server.do("counts", name=mine.name)
    assert [count for name, count in counts.items() if len(name) == length] == [60]
    assert mine.ask().status == 429


def test_a_chatflows_day_counts_all_its_keys(server: Shipped) -> None:
    mine = floods.pair(server)
    other = server.do("make_key", team="acme", name=f"{mine.name} b", opens=[mine.chatflow])
    mine.limit_chatflow(limit_day=3)
    asked = [mine.ask(), mine.ask(other), mine.ask(), mine.ask(other), mine.ask()]
    assert [each.status for each in asked] == [200, 200, 200, 429, 429]
    assert asked[0].headers["ratelimit-policy"] == '"chatflow-day";q=3;w=86400'
    assert int(asked[3].headers["retry-after"]) <= 86_400


@pytest.mark.large
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_days_count_survives_a_restart(tmp_path: Path, number: int) -> None:
    server = start(tmp_path / "data", OWNER)
    mine = floods.pair(server)
    mine.limit_key(limit_day=5)
    assert [mine.ask().status for _ in range(3)] == [200] * 3
    if number == signal.SIGKILL:  # at most a second is lost, and that much has passed
        assert eventually(lambda: sum(server.do("counts", name=mine.name).values()) == 6)
    server.stop(number)
    again = start(tmp_path / "data", {}, host="127.0.0.1")
    try:
        mine = mine._replace(server=again)
        assert [mine.ask().status for _ in range(3)] == [200, 200, 429]
    finally:
        assert again.stop() == 0
