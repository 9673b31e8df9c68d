"""The key ring: made once with mode 0600, never replaced, and every fault is one plain line."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.crypto import digests, keyring
from accounts.crypto.keyring import KeyRingError, Purpose
from accounts.models import RingKey
from accounts.services import ring_keys


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    keyring.forget()
    yield tmp_path / "keyring.json"
    keyring.forget()


def one_line(error: pytest.ExceptionInfo[KeyRingError], path: Path) -> str:
    """The message, which names the file in one line of plain words."""
    message = str(error.value)
    assert "\n" not in message
    assert str(path) in message
    assert message.endswith(".")
    return message


@pytest.mark.fast
def test_a_new_ring_holds_a_key_for_each_purpose_and_is_for_us_alone(path: Path) -> None:
    ring = keyring.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [ring.current(purpose)[0] for purpose in Purpose] == [1, 1, 1, 1]
    assert len({ring.current(purpose)[1] for purpose in Purpose}) == len(Purpose)
    assert all(len(ring.current(purpose)[1]) == 32 for purpose in Purpose)
    assert sorted(path.parent.iterdir()) == [path]


@pytest.mark.fast
def test_a_loose_umask_does_not_open_the_ring(path: Path) -> None:
    old = os.umask(0)
    try:
        keyring.create(path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.fast
def test_a_ring_is_never_replaced(path: Path) -> None:
    first, text = keyring.create(path), path.read_bytes()
    assert keyring.create(path) == first
    assert path.read_bytes() == text
    assert sorted(path.parent.iterdir()) == [path]


@pytest.mark.fast
def test_a_ring_shows_no_key(path: Path) -> None:
    ring = keyring.create(path)
    for purpose in Purpose:
        assert str(ring.current(purpose)[1]) not in repr(ring)
    assert ring.get(Purpose.PEPPER, 99) is None


@pytest.mark.fast
def test_the_newest_version_is_the_current_one(path: Path) -> None:
    keyring.create(path)
    stored = json.loads(path.read_text())
    stored["keys"]["pepper"].update(
        {"2": keyring._encode(b"2" * 32), "10": keyring._encode(b"X" * 32)}
    )
    path.write_text(json.dumps(stored))
    keyring.forget()
    assert keyring.load(path).current(Purpose.PEPPER) == (10, b"X" * 32)


@pytest.mark.fast
def test_a_missing_ring_says_so(path: Path) -> None:
    with pytest.raises(KeyRingError) as error:
        keyring.load(path)
    assert "is missing" in one_line(error, path)


WHOLE = {purpose.value: {"1": keyring._encode(b"k" * 32)} for purpose in Purpose}


@pytest.mark.fast
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\xff\xfe",
        b"{}",
        b"[]",
        b"null",
        b'"keys"',
        b'{"keys": null}',
        b'{"keys": []}',
        b'{"keys": {}}',
        json.dumps({"keys": {**WHOLE, "pepper": {}}}).encode(),
        json.dumps({"keys": {**WHOLE, "pepper": {"one": "eA=="}}}).encode(),
        json.dumps({"keys": {**WHOLE, "pepper": {"1": "eA=="}}}).encode(),
        json.dumps({"keys": {**WHOLE, "pepper": {"1": "no base64, QQ"}}}).encode(),
        json.dumps({"keys": {**WHOLE, "pepper": {"1": None}}}).encode(),
        json.dumps({"keys": {**WHOLE, "pepper": ["eA=="]}}).encode(),
        json.dumps({"keys": {**WHOLE, "pepper": {"1": "é" * 44}}}).encode(),
        json.dumps({"keys": {k: v for k, v in WHOLE.items() if k != "audit"}}).encode(),
        json.dumps({"keys": {**WHOLE, "pepper": {"01": WHOLE["pepper"]["1"]}}}).encode(),
        json.dumps({"keys": {**WHOLE, "pepper": {"-1": WHOLE["pepper"]["1"]}}}).encode(),
        json.dumps({"keys": WHOLE, "added": {"pepper": {"2": "eA=="}}}).encode(),
        json.dumps({"keys": WHOLE, "added": []}).encode(),
        b"[" * 100_000,
        json.dumps({"keys": WHOLE}).encode()[:-9],
    ],
    ids=lambda content: repr(content)[:30],
)
def test_a_damaged_ring_says_so_and_quotes_nothing(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyRingError) as error:
        keyring.load(path)
    message = one_line(error, path)
    assert "damaged" in message or "lacks a key" in message
    assert "eA==" not in message


@pytest.mark.fast
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o602, 0o644, 0o666])
def test_a_ring_that_others_can_open_names_the_command_that_closes_it(
    path: Path, mode: int
) -> None:
    keyring.create(path)
    keyring.forget()
    path.chmod(mode)
    with pytest.raises(KeyRingError) as error:
        keyring.load(path)
    assert f'by "chmod 600 {path}"' in one_line(error, path)


@pytest.mark.fast
def test_another_users_ring_names_that_user(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring.create(path)
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 4711)
    with pytest.raises(KeyRingError) as error:
        keyring.read(path)
    assert "Run this as that user" in one_line(error, path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)  # root may
    keyring.read(path)


@pytest.mark.fast
def test_a_pipe_in_its_place_is_not_waited_for(path: Path) -> None:
    os.mkfifo(path, 0o600)
    with pytest.raises(KeyRingError) as error:
        keyring.read(path)
    assert "can't be read" in one_line(error, path)


@pytest.mark.fast
def test_a_ring_of_another_format_says_so(path: Path) -> None:
    keyring.create(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    with pytest.raises(KeyRingError) as error:
        keyring.read(path)
    assert "another release" in one_line(error, path)


@pytest.mark.fast
def test_a_folder_in_its_place_says_so(path: Path) -> None:
    path.mkdir()
    with pytest.raises(KeyRingError) as error:
        keyring.load(path)
    assert "can't be read" in one_line(error, path)


@pytest.mark.fast
def test_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "keyring.json"
    with pytest.raises(KeyRingError) as error:
        keyring.create(path)
    assert "can't be written" in one_line(error, path)


@pytest.mark.fast
def test_a_draft_left_by_a_killed_start_does_not_stop_the_next(path: Path) -> None:
    path.with_suffix(f".{os.getpid()}.new").write_text("half")
    keyring.create(path)


@pytest.mark.django_db
def test_the_first_start_makes_a_ring_and_notes_its_fingerprints(path: Path) -> None:
    RingKey.objects.all().delete()
    ring = ring_keys.ensure(path)
    noted = set(RingKey.objects.values_list("purpose", "version", "fingerprint"))
    assert noted == {(p.value, 1, digests.key_fingerprint(ring.current(p)[1])) for p in Purpose}
    assert ring_keys.ensure(path) == ring
    assert RingKey.objects.count() == len(Purpose)


@pytest.mark.django_db
def test_a_lost_ring_is_noticed_and_not_made_anew(path: Path) -> None:
    ring_keys.ensure(path)
    path.unlink()
    keyring.forget()
    with pytest.raises(KeyRingError) as error:
        ring_keys.ensure(path)
    assert "is lost" in one_line(error, path)
    assert not path.exists()


@pytest.mark.django_db
def test_a_foreign_ring_is_noticed_and_changes_nothing(path: Path) -> None:
    ring_keys.ensure(path)
    before = list(RingKey.objects.values())
    path.unlink()
    keyring.create(path)
    with pytest.raises(KeyRingError) as error:
        ring_keys.ensure(path)
    assert "is not the one" in one_line(error, path)
    assert list(RingKey.objects.values()) == before


@pytest.mark.django_db
def test_an_older_ring_without_a_newer_version_is_noticed(path: Path) -> None:
    ring_keys.ensure(path)
    RingKey.objects.create(purpose="pepper", version=2, fingerprint="0" * 16)
    with pytest.raises(KeyRingError):
        ring_keys.ensure(path)


@pytest.mark.django_db
def test_a_ring_with_a_new_version_is_taken_and_noted(path: Path) -> None:
    ring_keys.ensure(path)
    stored = json.loads(path.read_text())
    stored["keys"]["pepper"]["2"] = keyring._encode(b"2" * 32)
    path.write_text(json.dumps(stored))
    keyring.forget()
    ring_keys.ensure(path)
    assert RingKey.objects.filter(purpose="pepper").count() == 2


@pytest.mark.django_db
def test_a_fingerprint_tells_nothing_of_the_key(path: Path) -> None:
    ring = ring_keys.ensure(path)
    for purpose in Purpose:
        key = ring.current(purpose)[1]
        assert digests.key_fingerprint(key) not in key.hex()
