"""Rotation: a version is added, used once everyone knows it, and the old one let go of."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import audit
from accounts.crypto import digests, keyring, ring, ring_changes, sealing
from accounts.crypto.keyring import KeyRingError, Purpose
from accounts.models import AuditEvent, RingKey, RingProcess
from accounts.services import ring_keys
from accounts.services.key_ring import processes, rotation
from accounts.services.key_ring.rotation import Refused
from tests import rings
from tests.rings import BY

every_purpose = pytest.mark.parametrize("purpose", list(Purpose))


def next_version(purpose: Purpose) -> int:
    """Add a version and use it."""
    rotation.add(purpose, BY)
    return rotation.use(purpose, BY)


def versions(purpose: Purpose) -> list[tuple[int, bool, bool]]:
    """Number, is_used and is_added of each version."""
    found = rotation.status().versions
    return [(v.number, v.is_used, v.is_added) for v in found if v.purpose is purpose]


@every_purpose
def test_a_version_is_known_before_it_is_used(path: Path, purpose: Purpose) -> None:
    assert rotation.add(purpose, BY) == 2
    assert ring.newest().current(purpose)[0] == 1
    assert ring.newest().get(purpose, 2) is not None
    assert versions(purpose) == [(1, True, False), (2, False, True)]
    assert rotation.use(purpose, BY) == 2
    assert ring.newest().current(purpose)[0] == 2
    assert versions(purpose) == [(1, False, False), (2, True, False)]
    assert RingKey.objects.get(purpose=purpose, version=2).used_at is not None


@every_purpose
def test_a_release_that_knows_no_rotation_goes_on_with_the_version_in_use(
    path: Path, purpose: Purpose
) -> None:
    rotation.add(purpose, BY)
    assert max(rings.stored(path)["keys"][purpose], key=int) == "1"
    rotation.use(purpose, BY)
    assert max(rings.stored(path)["keys"][purpose], key=int) == "2"


@every_purpose
def test_each_step_is_in_the_audit_trail_of_the_installation(path: Path, purpose: Purpose) -> None:
    next_version(purpose)
    events = AuditEvent.objects.filter(team_id=audit.INSTALLATION, target_kind="key_ring")
    assert [(e.action, e.target_name) for e in events.order_by("sequence")] == [
        ("key_ring.add", f"{purpose} version 2"),
        ("key_ring.use", f"{purpose} version 2"),
    ]


def test_the_second_of_two_new_versions_waits_for_the_first(path: Path) -> None:
    rotation.add(Purpose.PEPPER, BY)
    before = path.read_bytes()
    with pytest.raises(Refused, match="pepper version 2 is in the key ring and not used yet"):
        rotation.add(Purpose.PEPPER, BY)
    assert path.read_bytes() == before


def test_what_was_not_added_can_not_be_used(path: Path) -> None:
    with pytest.raises(Refused, match="keyring add pepper"):
        rotation.use(Purpose.PEPPER, BY)


def test_a_running_process_that_does_not_know_a_version_holds_its_use_up(path: Path) -> None:
    processes.tell("here 1", "web", ring.installed())
    rotation.add(Purpose.PEPPER, BY)
    before = path.read_bytes()
    with pytest.raises(Refused, match="not known to each running process: web process here 1"):
        rotation.use(Purpose.PEPPER, BY)
    assert path.read_bytes() == before
    assert not RingKey.objects.exclude(used_at=None).exists()
    processes.tell("here 1", "web", ring.newest())
    assert rotation.use(Purpose.PEPPER, BY) == 2


def test_a_process_that_has_been_silent_does_not_count(path: Path) -> None:
    processes.tell("dead", "web", ring.installed())
    rotation.add(Purpose.PEPPER, BY)
    long_ago = timezone.now() - processes.SILENT_AFTER - timedelta(seconds=60)
    RingProcess.objects.update(seen_at=long_ago)
    assert processes.running() == []
    assert rotation.use(Purpose.PEPPER, BY) == 2


def test_a_process_with_another_ring_does_not_know_a_version_by_its_number(path: Path) -> None:
    rotation.add(Purpose.PEPPER, BY)
    other = ring.newest()
    other = keyring.KeyRing(other.keys, {Purpose.PEPPER: {2: b"o" * 32}})
    processes.tell("there 1", "web", other)
    with pytest.raises(Refused):
        rotation.use(Purpose.PEPPER, BY)


def test_a_version_that_rows_need_stays(path: Path, integration: Any) -> None:
    next_version(Purpose.PEPPER)
    before = path.read_bytes()
    with pytest.raises(Refused, match="pepper version 1 is needed by secrets of keys"):
        rotation.retire(Purpose.PEPPER, BY)
    assert path.read_bytes() == before
    assert RingKey.objects.filter(purpose="pepper").count() == 2


def test_a_process_that_still_writes_with_the_old_version_holds_its_end_up(path: Path) -> None:
    held = ring.installed()
    next_version(Purpose.PEPPER)
    processes.tell("there 1", "worker", held)
    with pytest.raises(Refused, match="worker process there 1"):
        rotation.retire(Purpose.PEPPER, BY)


@pytest.mark.parametrize("purpose", [Purpose.PEPPER, Purpose.ENCRYPTION])
def test_a_retired_version_is_gone_and_its_number_never_comes_back(
    path: Path, purpose: Purpose
) -> None:
    next_version(purpose)
    assert rotation.retire(purpose, BY) == [1]
    assert versions(purpose) == [(2, True, False)]
    assert ring.newest().get(purpose, 1) is None
    assert next_version(purpose) == 3
    assert rotation.retire(purpose, BY) == [2]
    with pytest.raises(Refused, match="no version older"):
        rotation.retire(purpose, BY)


def test_no_audit_key_is_retired(path: Path) -> None:
    next_version(Purpose.AUDIT)
    with pytest.raises(Refused, match="keeps every entry"):
        rotation.retire(Purpose.AUDIT, BY)
    assert audit.verify(audit.INSTALLATION) is None


def test_a_signing_key_stays_as_long_as_a_session_lives(path: Path) -> None:
    next_version(Purpose.SIGNING)
    with pytest.raises(Refused, match="keyring retire signing --now"):
        rotation.retire(Purpose.SIGNING, BY)
    RingKey.objects.filter(purpose="signing", version=2).update(
        used_at=timezone.now() - timedelta(days=15)
    )
    assert rotation.retire(Purpose.SIGNING, BY) == [1]


def test_a_leaked_signing_key_is_retired_at_once(path: Path) -> None:
    next_version(Purpose.SIGNING)
    assert rotation.retire(Purpose.SIGNING, BY, now=True) == [1]


def test_a_machine_with_the_ring_from_before_brings_no_retired_version_back(path: Path) -> None:
    next_version(Purpose.PEPPER)
    there = path.read_bytes()
    rotation.retire(Purpose.PEPPER, BY)
    here = path.read_bytes()
    path.write_bytes(there)
    ring_keys.ensure(path)
    path.write_bytes(here)
    ring_keys.check(path)
    assert list(RingKey.objects.filter(purpose="pepper").values_list("version", flat=True)) == [2]


@every_purpose
@pytest.mark.parametrize("step", ["add", "use", "retire"])
def test_a_step_that_could_not_write_changes_nothing_that_serves(
    path: Path, purpose: Purpose, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if step != "add":
        rotation.add(purpose, BY)
    if step == "retire":
        rotation.use(purpose, BY)
    before, noted = path.read_bytes(), set(RingKey.objects.values_list("purpose", "version"))

    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keyring, "write_draft", full)
    with pytest.raises((KeyRingError, Refused)):
        getattr(rotation, step)(purpose, BY)
    assert path.read_bytes() == before
    assert set(RingKey.objects.values_list("purpose", "version")) <= noted
    ring_keys.ensure(path)
    assert ring.newest().get(purpose, 1) is not None


@pytest.mark.parametrize("step", ["add", "use"])
def test_a_crash_after_the_file_and_before_the_commit_leaves_a_ring_that_serves(
    path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if step == "use":
        rotation.add(Purpose.PEPPER, BY)
    change = getattr(ring_changes, step)

    def crash(*arguments: Any) -> None:
        change(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(ring_changes, step, crash)
    with pytest.raises(KeyboardInterrupt):
        getattr(rotation, step)(Purpose.PEPPER, BY)
    monkeypatch.undo()
    ring_keys.ensure(path)
    if step == "add":
        rotation.use(Purpose.PEPPER, BY)
    assert ring.newest().current(Purpose.PEPPER)[0] == 2
    assert rotation.retire(Purpose.PEPPER, BY) == [1]


def test_a_crash_before_the_file_of_a_retirement_is_made_good_by_the_next(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    next_version(Purpose.PEPPER)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ring_changes, "retire", crash)
    with pytest.raises(KeyboardInterrupt):
        rotation.retire(Purpose.PEPPER, BY)
    monkeypatch.undo()
    ring_keys.ensure(path)
    assert rotation.retire(Purpose.PEPPER, BY) == [1]
    assert versions(Purpose.PEPPER) == [(2, True, False)]


def test_a_foreign_ring_is_neither_changed_nor_shown(path: Path) -> None:
    path.unlink()
    keyring.create(path)
    before = path.read_bytes()
    for step in (rotation.add, rotation.use, rotation.retire):
        with pytest.raises(KeyRingError, match="is not the one"):
            step(Purpose.PEPPER, BY)
    with pytest.raises(CommandError) as error:
        call_command("keyring", "status")
    assert error.value.returncode == 3
    assert path.read_bytes() == before


def test_the_command_says_first_what_a_new_version_does_not_heal(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("keyring", "add", "pepper")
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("A new version heals no leak.")
    assert "issue every key anew" in first
    assert "manage.py keyring use pepper" in second


def test_the_status_counts_rows_and_processes(
    path: Path, integration: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    processes.tell("here 1", "web", ring.installed())
    call_command("keyring", "add", "pepper")
    capsys.readouterr()
    call_command("keyring", "status")
    shown = capsys.readouterr().out
    assert (
        "pepper version 1: in use, needed by secrets of keys that were not used since (1)" in shown
    )
    assert "pepper version 2: added, not used yet, known to 0 of 1 running processes" in shown
    assert "  web process here 1 uses pepper 1, encryption 1, audit 1, signing 1" in shown
    ring_file = rings.stored(path)
    assert not any(key in shown for each in ring_file["keys"].values() for key in each.values())


def test_a_refused_step_is_one_line_and_exit_status_1(path: Path) -> None:
    with pytest.raises(CommandError) as error:
        call_command("keyring", "use", "audit")
    assert error.value.returncode == 1
    assert "\n" not in str(error.value)


def test_what_was_sealed_under_an_older_version_opens_until_it_is_retired(path: Path) -> None:
    version, ciphertext = sealing.encrypt("secret", ("here",))
    assert next_version(Purpose.ENCRYPTION) == 2
    assert sealing.decrypt(ciphertext, version, ("here",)) == "secret"
    assert sealing.encrypt("secret", ("here",))[0] == 2


def test_a_mailed_link_proves_its_mailbox_under_the_old_pepper(path: Path) -> None:
    proof = digests.mailbox_proof("fll_token")
    next_version(Purpose.PEPPER)
    ring.newest()
    assert digests.mailbox_proof("fll_token") != proof
    assert digests.is_mailbox_proof("fll_token", proof)
    assert not digests.is_mailbox_proof("fll_other", proof)
    assert not digests.is_mailbox_proof("fll_token", "")
