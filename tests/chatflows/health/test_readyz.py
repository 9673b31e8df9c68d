"""`/readyz` says whether a process can serve, and to those who run it how much waits."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from accounts.health import parts, queues
from accounts.health.parts import Parts
from accounts.health.queues import Queues
from chatflows.health import health
from tests.chatflows.health import gates

pytestmark = pytest.mark.django_db(transaction=True)

PROBE = ((b"host", b"10.1.2.3:8000"),)
PUBLIC = {"ready", "red", "version"}


def test_a_process_that_can_serve_says_so_to_any_probe(settings: Any) -> None:
    async def main() -> None:
        gate = gates.make()
        answer = await gates.ask(gate, "/readyz", PROBE, "10.9.9.9")
        assert answer.status == 200
        assert answer.json == {"ready": True, "red": [], "version": settings.VERSION}
        assert answer.headers[b"cache-control"] == b"no-store"
        refused = await gates.ask(gate, "/readyz", PROBE, "10.9.9.9", "POST")
        assert refused.status == 405

    asyncio.run(main())


def test_those_who_run_the_server_read_what_waits() -> None:
    said = asyncio.run(gates.ask(gates.make(), "/readyz")).json
    assert {*said} - PUBLIC == {
        "database_is_newer",
        "worker_age_seconds",
        "oldest_mail_age_seconds",
        "mails_waiting",
        "records_waiting",
        "answers_running",
    }


def test_missing_parts_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "look", lambda note: Parts(("ring", "migrations")))
    answer = asyncio.run(gates.ask(gates.make(lambda: True), "/readyz", PROBE))
    assert answer.status == 503
    assert answer.json["red"] == ["ring", "migrations", "stopping"]


def test_records_that_can_not_be_written_are_read_only() -> None:
    async def main() -> None:
        gate = gates.make()
        recorder = gate._started_recorder()
        recorder.is_failing = True
        answer = await gates.ask(gate, "/readyz", PROBE)
        assert (answer.status, answer.json["red"]) == (503, ["read_only"])
        await recorder.close()

    asyncio.run(main())


def test_a_database_that_hangs_is_answered_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()

    def hang(note: Callable[[Parts], None]) -> Parts:
        note(parts.NOTHING_READ)
        end.wait(20)
        return Parts(())

    def hang_too() -> Queues:
        asked.set()
        end.wait(20)
        raise OSError

    asked = threading.Event()
    monkeypatch.setattr(parts, "look", hang)
    monkeypatch.setattr(queues, "look", hang_too)
    monkeypatch.setattr(health, "WITHIN", 0.01)

    async def main() -> None:
        answer = await gates.ask(gates.make(), "/readyz", PROBE)
        assert (answer.status, answer.json["red"]) == (503, ["database"])
        answer = await gates.ask(gates.make(), "/readyz")
        assert (answer.status, answer.json["red"]) == (503, ["database"])
        assert answer.json["mails_waiting"] is None
        assert asked.is_set()

    try:
        asyncio.run(main())
    finally:
        end.set()
