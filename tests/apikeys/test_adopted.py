"""Adopted keys: texts of Flowise open by their digest, and nothing of them is kept or shown."""

import base64
import hashlib
import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from apikeys import adopted, credentials, key_text, searches
from apikeys.bearer import Carrier, Presented
from apikeys.credentials import State
from tests.chatflows.flowise_imports.shapes import api_secret

pytestmark = pytest.mark.fast

# Created by Flowise's own code on node 20 (flowise-wire, section 6.4).
GENUINE = "6Zw6oNKP_SCs5AwHOrIRjIUGbOXxF8PdzbEcvKmMtHY"
SECRET = (
    "f998930fc671736f9bad73f9bf61185e3d94c40ecf98f8675074b5a37cf7555f"
    "f9fdad53756482097023e1ffa05bc7a3a1a45b5a8457f32af8e870b7656413c2.6517ea9de024a134"
)
URL_SAFE = st.binary(min_size=32, max_size=32).map(
    lambda random: base64.urlsafe_b64encode(random).decode().rstrip("=")
)


def test_what_flowise_made_is_genuine_and_what_was_edited_is_not() -> None:
    assert adopted.is_genuine(GENUINE, SECRET)
    assert not adopted.is_genuine(GENUINE[:-1] + "Z", SECRET)
    assert not adopted.is_genuine(GENUINE, api_secret(GENUINE[::-1]))
    for broken in ("", "abc", SECRET[:-1], SECRET.upper(), SECRET + "0"):
        assert not adopted.is_genuine(GENUINE, broken)


@given(URL_SAFE)
def test_each_text_of_flowise_has_the_shape_and_a_public_id_of_its_own(text: str) -> None:
    assert adopted.has_shape(text)
    assert key_text.parse(text) is None
    public_id = adopted.public_id(text)
    assert len(public_id) == adopted.ID_LENGTH
    plain = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
    assert public_id[1:] not in plain + text


def test_padded_texts_of_old_releases_have_the_shape_and_others_have_not() -> None:
    assert adopted.has_shape(base64.b64encode(secrets.token_bytes(32)).decode())
    ours = key_text.generate().text
    for text in (ours, ours[:43], "flk_" + "a" * 39, "a" * 42, "a" * 44, "a" * 42 + "\n", ""):
        assert not adopted.has_shape(text)


def test_without_a_ring_an_adopted_text_proves_nothing(settings: Settings, tmp_path: Path) -> None:
    settings.KEY_RING_PATH = tmp_path / "gone.json"
    proof = credentials.read(Presented(Carrier.HEADER, GENUINE))
    assert proof is not None
    assert (proof.public_id, proof.digests) == ("", ())


def test_a_text_that_nobody_brought_is_unknown_and_not_malformed() -> None:
    proof = credentials.read(Presented(Carrier.HEADER, GENUINE))
    judged = credentials.judge(Carrier.HEADER, proof, None, datetime.now(UTC))
    assert judged.state is State.UNKNOWN


def test_the_hint_of_an_adopted_key_claims_no_prefix_of_ours() -> None:
    prefix, head, tail = key_text.hint_parts(adopted.public_id(GENUINE))
    assert prefix == "flowise_"
    assert head + tail not in GENUINE


@pytest.mark.parametrize("pasted", [GENUINE, f"Bearer {GENUINE}", f"  {GENUINE}\n"])
def test_a_pasted_text_is_searched_for_by_its_public_id_alone(pasted: str) -> None:
    assert searches.searchable(pasted) == adopted.public_id(GENUINE)


def test_a_pasted_text_is_searched_for_by_nothing_without_a_ring(
    settings: Settings, tmp_path: Path
) -> None:
    settings.KEY_RING_PATH = tmp_path / "gone.json"
    assert GENUINE not in (searches.searchable(GENUINE) or "")
