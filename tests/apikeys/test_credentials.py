"""Credentials: what a presented text is, against its stored row, at a moment."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from pytest_django import Settings

from accounts.crypto import digests, keyring
from accounts.outages import Unavailable
from apikeys import credentials, key_text
from apikeys.bearer import Carrier, Presented
from apikeys.credentials import ABSENT, State, StoredSecret
from apikeys.key_text import KeyText

pytestmark = pytest.mark.fast

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BEFORE, AFTER = NOW - timedelta(microseconds=1), NOW + timedelta(microseconds=1)
KEY = key_text.generate()
OTHER = key_text.generate()


@pytest.fixture
def stored() -> StoredSecret:
    version, digest = digests.pepper_digest(KEY.text)
    return StoredSecret(
        digest=digest,
        pepper_version=version,
        secret_ends_at=None,
        key_id=UUID(int=21),
        key_name="crm-sync",
        public_id=KEY.public_id,
        team_id=UUID(int=1),
        scopes=frozenset({"predictions:create"}),
        expires_at=None,
        is_disabled=False,
        is_deleted=False,
        is_team_suspended=False,
        is_account_disabled=False,
    )


def presented(key: KeyText = KEY) -> Presented:
    return Presented(Carrier.HEADER, key.text)


def state(row: StoredSecret | None, key: KeyText = KEY) -> State:
    return credentials.judge(Carrier.HEADER, credentials.read(presented(key)), row, NOW).state


def test_nothing_presented_is_absent(stored: StoredSecret) -> None:
    assert credentials.judge(Carrier.NONE, None, stored, NOW) == ABSENT


def test_a_good_key_carries_all_that_a_decision_needs(stored: StoredSecret) -> None:
    judged = credentials.judge(Carrier.URL, credentials.read(presented()), stored, NOW)
    assert judged.state is State.GOOD
    assert judged.carrier is Carrier.URL
    assert (judged.team_id, judged.key_id) == (stored.team_id, stored.key_id)
    assert (judged.key_name, judged.public_id) == ("crm-sync", KEY.public_id)
    assert judged.scopes == {"predictions:create"}


def test_text_that_is_no_key_is_malformed_whatever_is_stored(stored: StoredSecret) -> None:
    for text in ("nonsense", KEY.text[:-1], KEY.public_id, stored.digest, ""):
        shown = Presented(Carrier.HEADER, text)
        assert credentials.read(shown) is None
        judged = credentials.judge(Carrier.HEADER, credentials.read(shown), stored, NOW)
        assert judged.state is State.MALFORMED
        assert judged.key_id is None


def test_an_id_that_nobody_has_is_unknown() -> None:
    assert state(None) is State.UNKNOWN


def test_the_right_id_with_another_secret_is_unknown_and_names_no_key(stored: StoredSecret) -> None:
    judged = credentials.judge(Carrier.HEADER, credentials.read(presented(OTHER)), stored, NOW)
    assert judged.state is State.UNKNOWN
    assert (judged.key_id, judged.team_id, judged.key_name) == (None, None, "")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"is_deleted": True}, State.REVOKED),
        ({"is_disabled": True}, State.DISABLED),
        ({"is_team_suspended": True}, State.TEAM_SUSPENDED),
        ({"is_account_disabled": True}, State.ACCOUNT_DISABLED),
        ({"is_account_disabled": True, "is_deleted": True}, State.REVOKED),
        ({"expires_at": BEFORE}, State.EXPIRED),
        ({"expires_at": NOW}, State.EXPIRED),
        ({"expires_at": AFTER}, State.GOOD),
        ({"secret_ends_at": BEFORE}, State.REVOKED),
        ({"secret_ends_at": NOW}, State.REVOKED),
        ({"secret_ends_at": AFTER}, State.GOOD),
        ({"is_deleted": True, "is_disabled": True}, State.REVOKED),
        ({"is_disabled": True, "expires_at": BEFORE}, State.DISABLED),
        ({"secret_ends_at": BEFORE, "expires_at": BEFORE}, State.REVOKED),
    ],
)
def test_each_state_of_the_row_is_seen(
    stored: StoredSecret, change: dict[str, object], expected: State
) -> None:
    row = replace(stored, **change)  # type: ignore[arg-type]
    assert state(row) is expected
    # A wrong secret learns nothing of it.
    assert state(row, OTHER) is State.UNKNOWN


def test_a_digest_under_another_pepper_is_unknown(stored: StoredSecret) -> None:
    assert state(replace(stored, digest="0" * 64)) is State.UNKNOWN


def test_a_pepper_that_the_ring_lacks_makes_the_decision_impossible(stored: StoredSecret) -> None:
    with pytest.raises(Unavailable):
        state(replace(stored, pepper_version=99))


def test_the_digest_of_a_key_is_bound_to_the_pepper(stored: StoredSecret) -> None:
    assert stored.digest != hashlib.sha256(KEY.text.encode()).hexdigest()
    assert KEY.text not in stored.digest


def test_a_judged_credential_shows_nothing_of_the_secret(stored: StoredSecret) -> None:
    judged = credentials.judge(Carrier.HEADER, credentials.read(presented()), stored, NOW)
    assert KEY.text.split("_")[3] not in repr(judged)


@pytest.fixture
def lost_ring(settings: Settings, tmp_path: Path) -> Iterator[None]:
    keyring.forget()
    settings.KEY_RING_PATH = tmp_path / "keyring.json"
    yield
    keyring.forget()


def test_a_ring_that_cannot_be_read_makes_the_decision_impossible(
    stored: StoredSecret, lost_ring: None
) -> None:
    with pytest.raises(Unavailable):
        state(stored)


def header(text: str) -> list[tuple[bytes, bytes]]:
    return [(b"host", b"x"), (b"authorization", b"Bearer " + text.encode())]


def test_what_is_kept_of_a_header_holds_no_key(stored: StoredSecret) -> None:
    carrier, proof = credentials.present(header(KEY.text), b"")
    assert credentials.present(header(KEY.text), b"") == (carrier, proof)
    assert (carrier, proof) == (Carrier.HEADER, credentials.read(presented()))
    assert KEY.text.split("_")[3] not in repr((credentials._kept, proof))


def test_another_header_is_read_anew() -> None:
    assert credentials.present(header(KEY.text), b"")[1] is not None
    assert credentials.present(header(KEY.text + "x"), b"") == (Carrier.HEADER, None)
    assert credentials.present(header(OTHER.text), b"")[1] == credentials.read(presented(OTHER))
    assert credentials.present([], b"") == (Carrier.NONE, None)
    assert credentials.present(header(KEY.text) * 2, b"") == (Carrier.CONFLICT, None)
    assert credentials.present(header(KEY.text), b"apiKey=x") == (Carrier.CONFLICT, None)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "MAX_KEPT", 3)
    for number in range(10):
        credentials.present(header(str(number)), b"")
        assert len(credentials._kept) <= 3


def test_another_ring_is_another_digest(settings: Settings, tmp_path: Path) -> None:
    before = credentials.present(header(KEY.text), b"")
    settings.KEY_RING_PATH = tmp_path / "another.json"
    keyring.create(settings.KEY_RING_PATH)
    after = credentials.present(header(KEY.text), b"")
    keyring.forget()
    assert before[1] is not None
    assert after[1] is not None
    assert before[1].public_id == after[1].public_id
    assert before[1].digests != after[1].digests


def test_with_the_ring_gone_a_text_is_still_read(lost_ring: None) -> None:
    _, proof = credentials.present(header(KEY.text), b"")
    assert proof == credentials.Proof(KEY.public_id, ())
    with pytest.raises(Unavailable):
        credentials.judge(Carrier.HEADER, proof, None, NOW)
