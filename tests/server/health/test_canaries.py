"""Secrets from everywhere turn up in no log line, in no readiness and in no metric."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.chatflows.engines.upstreams import KEY, hosting
from tests.server.shipped import OWNER, Answer, Shipped, start
from tests.server.world import LIMITS, World, eventually

pytestmark = pytest.mark.server

CANARY = "CANARYcanary4711CANARY"
TOKEN = f"token-{CANARY}"
ENV = {
    **OWNER,
    **LIMITS,
    "WEB_CONCURRENCY": "2",
    "METRICS_TOKEN": TOKEN,
    "OWNER_PASSWORD": f"password {CANARY}",
    "EMAIL_URL": f"smtp://mail:{CANARY}@127.0.0.1:1",  # nothing listens there
}
EVERYWHERE = {
    "Cookie": f"flowlatch={CANARY}; x={CANARY}",
    "User-Agent": CANARY,
    "Referer": f"http://localhost/{CANARY}",
    "X-Request-Id": CANARY,
    "Origin": f"https://{CANARY}.example",
}


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server of two processes with a mail server that is away, and with upstreams."""
    with hosting() as host:
        running = start(tmp_path_factory.mktemp("canaries"), ENV)
        yield World(running, host)
        assert running.stop() == 0


def watched(server: Shipped, path: str) -> Answer:
    """What those who run the server read."""
    return server.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})


def let_in(server: Shipped) -> float:
    """The calls that were let in, as any process tells it."""
    families = text_string_to_metric_families(watched(server, "/metrics").body.decode())
    found = [sample for family in families for sample in family.samples]
    return sum(each.value for each in found if each.name == "flowlatch_calls_let_in_total")


def test_no_secret_turns_up_and_two_processes_count_together(crowd: World) -> None:
    server = crowd.server
    flow, broken = crowd.flowise_flow(), crowd.flowise_flow(url=f"http://127.0.0.1:1/{CANARY}")
    key = crowd.key(flow, broken, name=CANARY)
    head = {**EVERYWHERE, "Authorization": f"Bearer {key}"}
    body = {"question": f"say {CANARY}", "chatId": CANARY}
    before = let_in(server)
    statuses = []
    for number in range(12):
        asked = {**body, "streaming": number % 2 == 0}
        statuses.append(server.request("POST", f"/api/v1/prediction/{flow}", asked, head).status)
    server.request("POST", f"/api/v1/prediction/{broken}", body, head)
    assert {*statuses} == {200}
    wrong = {**EVERYWHERE, "Authorization": f"Bearer {CANARY}"}
    for path in (f"/api/v1/prediction/{flow}?apikey={CANARY}", f"/{CANARY}?x={CANARY}", "/metrics"):
        server.request("POST", path, {"question": CANARY, CANARY: 1}, wrong)
    server.request("POST", f"/api/v1/prediction/{flow}", f'{{"{CANARY}'.encode(), head)
    form = f"login={CANARY}&password={CANARY}".encode()
    server.request("POST", "/login/", form, {"Content-Type": "application/x-www-form-urlencoded"})
    # The broken upstream and the broken body were let in too.
    assert eventually(lambda: let_in(server) == before + 14)
    refused = 'code="invalid_request"'  # by the other process, which tells a second later
    assert eventually(lambda: refused in watched(server, "/metrics").body.decode())

    seen = [watched(server, path).body.decode() for path in ("/readyz", "/metrics") * 4]
    assert all(CANARY not in text and KEY not in text and key not in text for text in seen)
    assert f"flowlatch_processes {2.0}" in seen[1]
    assert CANARY.lower() not in server.log.lower()
    assert KEY not in server.log
    lines = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
    assert {tuple(line)[:4] for line in lines} == {("at", "level", "logger", "event")}
    assert all(line["at"].endswith("Z") for line in lines)
    assert {"call", "page"} <= {line["event"] for line in lines}


def test_a_token_that_is_short_stops_the_start_and_is_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="METRICS_TOKEN must have at least 20") as failed:
        start(tmp_path, {**OWNER, "METRICS_TOKEN": "short"})
    assert "short" not in str(failed.value).partition("METRICS_TOKEN")[2]
