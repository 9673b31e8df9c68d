"""Ciphertext: readable under its key and at its place, and nowhere else."""

import pytest

from accounts.crypto import sealing
from accounts.outages import Unavailable

pytestmark = pytest.mark.fast

PLACE = ("upstream_secret", "row", "team", "https://a.example:443")


def test_what_was_encrypted_is_read_at_its_place() -> None:
    version, one = sealing.encrypt("sk-1", PLACE)
    _, two = sealing.encrypt("sk-1", PLACE)
    assert one != two
    assert b"sk-1" not in one
    assert sealing.decrypt(one, version, PLACE) == "sk-1"


@pytest.mark.parametrize("number", range(4))
def test_moved_to_another_row_team_or_origin_it_is_nothing(number: int) -> None:
    version, ciphertext = sealing.encrypt("sk-1", PLACE)
    elsewhere = [*PLACE]
    elsewhere[number] += "x"
    with pytest.raises(Unavailable):
        sealing.decrypt(ciphertext, version, elsewhere)


def test_a_changed_byte_or_a_missing_key_is_unavailable() -> None:
    version, ciphertext = sealing.encrypt("sk-1", PLACE)
    for broken in (b"", ciphertext[:-1], ciphertext[:-1] + bytes([ciphertext[-1] ^ 1])):
        with pytest.raises(Unavailable):
            sealing.decrypt(broken, version, PLACE)
    with pytest.raises(Unavailable):
        sealing.decrypt(ciphertext, version + 1, PLACE)
