"""`/metrics`: who may read it, what it counts, and that several processes add up."""

import asyncio
import os
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from prometheus_client.parser import text_string_to_metric_families

from accounts.models import Team
from chatflows.calls import adding, store, totals
from chatflows.calls.totals import Totals
from chatflows.health import exposition, folders, snapshots
from chatflows.health.snapshots import Snapshot
from chatflows.models import Chatflow
from tests import factories
from tests.chatflows.health import gates

TOKEN = "a-token-of-twenty-and-more"
NAMES = re.compile(r"^\| `((?:flowlatch|process)_\w+)` \|", re.MULTILINE)


def status(head: gates.Head = gates.LOCAL, peer: str = "127.0.0.1", path: str = "/metrics") -> int:
    return asyncio.run(gates.ask(gates.make(), path, head, peer)).status


@pytest.mark.django_db(transaction=True)
def test_without_a_token_this_machine_alone_may_read(settings: Any) -> None:
    settings.METRICS_TOKEN, settings.TRUSTED_PROXIES = "", ()
    assert status() == 200
    assert status(((b"host", b"[::1]:8000"),), "::1") == 200
    assert status(peer="192.0.2.1") == 404
    for hosts in ((), ((b"host", b"chat.example"),), (*gates.LOCAL, *gates.LOCAL)):
        assert status(hosts) == 404
    for name in (b"forwarded", b"x-forwarded-for", b"x-forwarded-x", b"x-real-ip", b"via"):
        assert status((*gates.LOCAL, (name, b"127.0.0.1"))) == 404


@pytest.mark.django_db(transaction=True)
def test_behind_a_proxy_only_the_token_counts(settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    settings.TRUSTED_PROXIES = ("127.0.0.1/32",)
    assert status() == 404
    settings.TRUSTED_PROXIES = ()
    settings.PUBLIC_HOST = "chat.example"
    assert status() == 404


@pytest.mark.django_db(transaction=True)
def test_with_a_token_whoever_sends_it_may_read(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN

    def sending(*values: str) -> gates.Head:
        return [(b"authorization", value.encode()) for value in values]

    assert status(sending(f"Bearer {TOKEN}"), "192.0.2.1") == 200
    assert status(sending(f"bearer {TOKEN}"), "192.0.2.1") == 200
    for wrong in ((), (TOKEN,), (f"Basic {TOKEN}",), (f"Bearer {TOKEN}x",), ("Bearer ",)):
        assert status([*gates.LOCAL, *sending(*wrong)]) == 404
    assert status(sending(f"Bearer {TOKEN}", f"Bearer {TOKEN}")) == 404


def test_others_meet_an_unknown_address_whatever_the_method() -> None:
    async def main() -> None:
        gate = gates.make()
        for method in ("GET", "POST", "OPTIONS"):
            answers = [
                await gates.ask(gate, path, peer="192.0.2.1", method=method)
                for path in ("/metrics", "/nothing")
            ]
            assert answers[0] == answers[1]

    asyncio.run(main())


def counted() -> Totals:
    """Six calls: four let in, two of them streams, and two refused."""
    flow, found = Chatflow(), Totals()
    found.add(
        [
            factories.call(flow, duration_ms=4),
            factories.call(flow, duration_ms=700, first_byte_ms=90, streamed=True),
            factories.call(flow, status=200, code="client_gone", duration_ms=30, first_byte_ms=20),
            factories.call(flow, status=502, code="upstream_cut", duration_ms=4_000_000),
            factories.call(flow, allowed=False, status=401, code="invalid_token"),
            factories.call(flow, allowed=False, status=418, code="flow_invented"),
        ]
    )
    return found


def samples(text: bytes) -> dict[str, float]:
    """Each sample by its name and labels."""
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_calls_are_counted_by_status_code_and_latency() -> None:
    found = samples(exposition.text(Snapshot(counted()), None))
    calls = {name: value for name, value in found.items() if "calls" in name}
    assert calls == {
        "flowlatch_calls_let_in_total ok 200": 2,
        "flowlatch_calls_let_in_total client_gone 200": 1,
        "flowlatch_calls_let_in_total upstream_cut 502": 1,
        "flowlatch_calls_refused_total invalid_token 401": 1,
        "flowlatch_calls_refused_total other other": 1,
    }
    assert found["flowlatch_first_byte_seconds_bucket 0.005"] == 1
    assert found["flowlatch_first_byte_seconds_bucket 0.1"] == 3
    assert found["flowlatch_last_byte_seconds_bucket 0.1"] == 2
    assert found["flowlatch_last_byte_seconds_bucket 1800.0"] == 3
    assert found["flowlatch_last_byte_seconds_count"] == 4
    assert found["flowlatch_last_byte_seconds_sum"] == pytest.approx(4000.734)
    assert found["flowlatch_database_up"] == 0


def test_processes_add_up_and_a_dead_ones_counts_stay(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    folders.begin_again()
    one = Snapshot(counted(), running_answers=3, memory_bytes=10)
    snapshots.write(one)
    mine = folders.folder() / f"{os.getpid()}.json"
    mine.rename(mine.with_name("1.json"))
    snapshots.write(replace(one, running_answers=5))
    dead = mine.rename(mine.with_name("2.json"))
    os.utime(dead, (time.time() - 60,) * 2)
    mine.with_name("3.json").write_text('{"let_in":')
    found = samples(exposition.text(one, None))
    assert found["flowlatch_calls_let_in_total ok 200"] == 6
    assert found["flowlatch_last_byte_seconds_count"] == 12
    assert found["flowlatch_running_answers"] == 6
    assert found["flowlatch_processes"] == 2
    assert found["process_resident_memory_bytes"] == 20
    folders.begin_again()
    assert [*folders.folder().iterdir()] == []


def test_what_was_copied_does_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "_totals", Totals())
    totals.add([factories.call(Chatflow())])
    totals.add_lost(2)
    copy = totals.copy()
    assert (copy.let_in[("200", "ok")], copy.lost) == (1, 2)
    totals.add([factories.call(Chatflow())])
    assert copy.let_in[("200", "ok")] == 1


@pytest.mark.django_db
def test_a_call_is_counted_when_its_record_is_written(
    acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "_totals", Totals())
    batch = [factories.call(factories.chatflow(acme, "Sales"))]

    def fail(_: object) -> None:
        raise DatabaseError("away")

    monkeypatch.setattr(connection, "close", lambda: None)  # the test's own
    with monkeypatch.context() as away:
        away.setattr(adding, "add", fail)
        with pytest.raises(DatabaseError), transaction.atomic():
            store.write(batch)
    assert totals.copy() == Totals()
    store.write(batch)
    assert totals.copy().let_in == {("200", "ok"): 1}


@pytest.mark.django_db(transaction=True)
def test_the_page_explains_every_metric(settings: Any) -> None:
    text = asyncio.run(gates.ask(gates.make(), "/metrics")).body
    told = {*re.findall(r"^# TYPE (\S+)", text.decode(), re.MULTILINE)}
    page = (settings.BASE_DIR / "docs" / "watching.md").read_text()
    assert {*NAMES.findall(page)} - told == {"flowlatch_worker_age_seconds"}
    assert told - {*NAMES.findall(page)} == set()
    used = {
        *re.findall(r"\b((?:flowlatch|process)_\w+_?\w*)[ {\[)]", page.partition("### Alerts")[2])
    }
    assert used <= {*NAMES.findall(page)}
