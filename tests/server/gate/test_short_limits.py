"""The short way and the ordinary way count the same and say the same of limits, byte for byte."""

import re
from collections.abc import Iterator

import pytest

from tests.server.gate.calls import ORDINARY, SHORT, Call
from tests.server.pairs import Pair, Said, running

pytestmark = pytest.mark.server

_SECONDS = re.compile(rb"(;t=|retry-after: |x-ratelimit-reset: )\d+")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with running(tmp_path_factory.mktemp("limits")) as made:
        yield made


def cast(pair: Pair, name: str, **limits: int) -> dict[str, bytes]:
    """A key with limits, and its chatflow, whose engine is made already."""
    flow = pair.do("make_chatflow", team="acme", name=name, entries=[["Hi", "Hello"]])
    key = pair.do("make_key", team="acme", name=name, opens=[flow])
    made = {"flow": flow.encode(), "good": key.encode()}
    pair.say(Call().packets(made))
    pair.do("change_key", name=name, **limits)
    return made


def alike(said: Said) -> bytes:
    return _SECONDS.sub(rb"\1-", said.alike)


def test_both_ways_count_down_and_refuse_alike(pair: Pair) -> None:
    mine = cast(pair, "three a minute", limit_minute=3)
    pair.do("change_chatflow", chatflow=mine["flow"].decode(), limit_minute=1000)
    for number, way in enumerate([SHORT] * 3 + [ORDINARY] * 2):
        before = len(pair.ways())
        quick, ordinary = pair.say(Call().packets(mine))
        assert alike(quick) == alike(ordinary)
        assert pair.ways()[before:] == [way]
        left = max(0, 2 - number)
        assert b'ratelimit: "key-minute";r=%d;t=' % left in quick.all
        assert b"x-ratelimit-remaining: %d\r\n" % left in quick.all
        assert quick.status == (200 if number < 3 else 429)


def test_a_call_that_the_short_way_leaves_to_the_other_is_counted_once(pair: Pair) -> None:
    mine = cast(pair, "two a minute", limit_minute=2)
    left = [b'{"question":"Hi","streaming":true}', b"not JSON", b'{"question":"Hi"}']
    statuses = []
    for body in left:
        quick, ordinary = pair.say(Call(body=body).packets(mine))
        assert alike(quick) == alike(ordinary)
        statuses.append(quick.status)
    assert statuses == [200, 400, 429]  # what was let in counts, also where its body is no question
