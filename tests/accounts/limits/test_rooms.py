"""Rooms: in all and for each host."""

import pytest

from accounts.limits.rooms import Room

pytestmark = pytest.mark.fast


def test_a_host_takes_so_many_and_all_together_so_many() -> None:
    room = Room(in_all=3, each=2)
    first, second = room.enter("a"), room.enter("a")
    assert first is not None
    assert second is not None
    assert room.enter("a") is None
    third = room.enter("b")
    assert third is not None
    assert room.enter("b") is None
    first.leave()
    first.leave()  # counts once
    assert room.enter("b") is not None
    assert room.enter("c") is None
