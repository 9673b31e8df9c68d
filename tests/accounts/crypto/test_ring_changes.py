"""Changes of the key-ring file: whole or not at all, one at a time, and read by who serves."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from accounts.crypto import keyring, ring, ring_changes
from accounts.crypto.keyring import KeyRingError, Purpose

pytestmark = pytest.mark.fast


@pytest.fixture
def path(tmp_path: Path, settings: Any) -> Any:
    keyring.forget()
    settings.KEY_RING_PATH = tmp_path / "keyring.json"
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "as it was", []
    keyring.create(settings.KEY_RING_PATH)
    yield settings.KEY_RING_PATH
    keyring.forget()


def test_a_changed_ring_is_for_us_alone_and_leaves_nothing_beside_it(path: Path) -> None:
    old = os.umask(0)
    try:
        ring_changes.add(path, Purpose.PEPPER, 2)
        ring_changes.use(path, Purpose.PEPPER)
        ring_changes.retire(path, Purpose.PEPPER)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_what_another_release_keeps_in_the_ring_stays(path: Path) -> None:
    content = json.loads(path.read_text())
    content["keys"]["webhooks"] = {"1": "theirs"}
    content["noted"] = "theirs"
    path.write_text(json.dumps(content))
    ring_changes.add(path, Purpose.AUDIT, 2)
    ring_changes.use(path, Purpose.AUDIT)
    after = json.loads(path.read_text())
    assert after["keys"]["webhooks"] == {"1": "theirs"}
    assert after["noted"] == "theirs"


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_change_that_fails_leaves_the_ring_as_it_was(
    path: Path, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path if broken == "replace" else os, broken, full)
    with pytest.raises(KeyRingError, match="can't be written: No space left on device"):
        ring_changes.add(path, Purpose.PEPPER, 2)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_two_changes_never_run_at_once(path: Path) -> None:
    with (
        ring_changes.alone(path),
        pytest.raises(KeyRingError, match="Another command changes the key ring"),
        ring_changes.alone(path),
    ):
        raise AssertionError
    with ring_changes.alone(path):
        pass


def test_the_same_ring_is_the_same_object_until_it_changes(path: Path) -> None:
    held = ring.newest()
    assert ring.newest() is held is ring.installed()
    ring_changes.add(path, Purpose.PEPPER, 2)
    assert ring.installed() is held  # nobody waits for a file on the way of a call
    assert ring.newest() is ring.installed() is not held


def test_a_version_that_another_process_used_first_is_read_at_once(path: Path) -> None:
    ring.installed()
    added = ring_changes.add(path, Purpose.ENCRYPTION, 2)
    assert ring.key(Purpose.ENCRYPTION, 2) == (2, added.get(Purpose.ENCRYPTION, 2))


def test_whatever_is_written_is_written_under_the_newest_state(path: Path) -> None:
    assert ring.key(Purpose.ENCRYPTION, None)[0] == 1
    ring_changes.add(path, Purpose.ENCRYPTION, 2)
    assert ring.key(Purpose.ENCRYPTION, None)[0] == 1
    ring_changes.use(path, Purpose.ENCRYPTION)
    assert ring.key(Purpose.ENCRYPTION, None)[0] == 2


@pytest.mark.parametrize("wrong", ["foreign", "gone", "torn", "open to others"])
def test_who_serves_goes_on_with_its_ring_and_reads_the_right_one_later(
    path: Path, wrong: str
) -> None:
    held, content = ring.newest(), path.read_bytes()
    path.unlink()
    if wrong == "foreign":
        os.link(keyring.write_draft(path, {"keys": json.loads(content)["keys"]}), path)
        stored = json.loads(path.read_text())
        stored["keys"]["pepper"]["1"] = keyring.new_key()
        path.write_text(json.dumps(stored))
    elif wrong != "gone":
        path.write_bytes(content[:-20] if wrong == "torn" else content)
        path.chmod(0o600 if wrong == "torn" else 0o644)
    assert ring.newest() is held
    assert ring.key(Purpose.PEPPER, None) == held.current(Purpose.PEPPER)
    path.write_bytes(content)
    path.chmod(0o600)
    ring_changes.add(path, Purpose.PEPPER, 2)
    assert ring.newest().get(Purpose.PEPPER, 2) is not None


def test_django_signs_with_the_key_in_use_and_reads_the_others(path: Path, settings: Any) -> None:
    old = ring.newest().current(Purpose.SIGNING)[1].hex()
    added = ring_changes.add(path, Purpose.SIGNING, 2)
    ring.newest()
    new = added.added[Purpose.SIGNING][2].hex()
    assert (old, [new]) == (settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS)
    ring_changes.use(path, Purpose.SIGNING)
    ring.newest()
    assert (new, [old]) == (settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS)
    ring_changes.retire(path, Purpose.SIGNING)
    ring.newest()
    assert (new, []) == (settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS)
