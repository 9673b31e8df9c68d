"""What each process says of the ring, and what it does while it can say nothing."""

from pathlib import Path

import pytest
from django.db import DatabaseError

from accounts.crypto import ring
from accounts.crypto.keyring import Purpose
from accounts.models import RingProcess
from accounts.services.key_ring import processes, rotation
from accounts.services.key_ring.processes import Watch
from tests.rings import BY


def test_a_process_says_what_it_knows_once_its_ring_has_changed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.db.connections.close_all", lambda: None)
    watch = Watch("web")
    watch._look(is_due=True)
    rotation.add(Purpose.PEPPER, BY)
    (before,) = processes.running()
    watch._look(is_due=False)
    (after,) = processes.running()
    assert after.name == before.name
    assert len(after.knows - before.knows) == 1
    assert after.uses == before.uses == {purpose.value: 1 for purpose in Purpose}
    watch._forget()
    assert processes.running() == []


def test_a_process_writes_nothing_while_there_is_no_news(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.db.connections.close_all", lambda: None)
    watch = Watch("web")
    watch._look(is_due=True)
    RingProcess.objects.all().delete()
    watch._look(is_due=False)
    assert processes.running() == []


def test_an_outage_is_logged_once_and_borne(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("django.db.connections.close_all", lambda: None)
    watch = Watch("worker")

    def fail(*_: object) -> None:
        raise DatabaseError("a host and a port")

    with monkeypatch.context() as patch:
        patch.setattr(processes, "tell", fail)
        for _ in range(3):
            watch._guarded(lambda: watch._look(is_due=True))
    assert caplog.text.count("key ring not told") == 1
    assert "a host" not in caplog.text
    watch._guarded(lambda: watch._look(is_due=True))
    assert [seen.kind for seen in processes.running()] == ["worker"]
    assert ring.installed() is watch._told
