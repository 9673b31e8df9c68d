"""No engine passes its own secret on, however JSON or the pieces of a stream spell it."""

import asyncio
import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatflows.access import codes
from chatflows.encoding import encode
from chatflows.engines import Done, Event, Events, Failed, Frame, Question, Sources, Token, Whole
from chatflows.engines.kinds import UNKNOWN
from chatflows.engines.secrecy import HIDDEN, SHORTEST, DiscreetEngine, discreet, is_repetitive
from chatflows.engines.sources import Materials
from chatflows.engines.upstream import MAX_JSON_BYTES
from tests.chatflows.engines.says import Says
from tests.endings import that_ends

pytestmark = pytest.mark.fast

SECRETS = [
    "sk-proj-4f/9+Zq0_8",
    'q"uo\\te/d:key{}',
    "aaaaaaab",
    "uu0075\\u0041bcd",
    "\\\\/\\abcdefgh",
]
secrets = pytest.mark.parametrize("secret", SECRETS)


def lots(secret: str, *said: Sequence[Event]) -> list[Events]:
    async def collect() -> list[Events]:
        engine = discreet(Says(*said), secret)
        return [events async for events in engine.answer(Question("?", "c"))]

    return asyncio.run(collect())


def told(secret: str, *said: Sequence[Event]) -> list[Event]:
    return [event for lot in lots(secret, *said) for event in lot]


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token | Frame))


def frame(name: str, data: object, **more: Any) -> Frame:
    raw = b"message:\ndata:" + encode({"event": name, "data": data, **more}) + b"\n\n"
    return Frame(name, raw, data if name == "token" and isinstance(data, str) else "", data)


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(character):04X}" for character in text)


def spellings(secret: str) -> list[str]:
    quoted = json.dumps(secret)[1:-1]
    return [
        secret,
        quoted,
        json.dumps(quoted)[1:-1],
        json.dumps(json.dumps(quoted)[1:-1])[1:-1],
        quoted.replace("/", "\\/"),
        escaped(secret),
        escaped(secret).lower(),
        json.dumps(escaped(secret))[1:-1],
        secret[:3] + escaped(secret[3:6]) + secret[6:],
    ]


def bare(text: str) -> str:
    """A text without the backslashes before a secret, which may stay."""
    return re.sub(r"\\(u005[cC])?", "", text)


@secrets
def test_every_spelling_is_hidden_in_every_kind_of_event(secret: str) -> None:
    for spelled in spellings(secret):
        said = f"It is {spelled}, you see"
        value: dict[str, object] = {"text": said, "usedTools": [{"out": [said], said: 1}]}
        events = told(
            secret,
            [Token(said), frame("token", said), frame("error", said), frame("start", said)],
            [frame("usedTools", [value]), Whole(value), Sources((value,))],
            [frame("token", "fine", also=said), frame(said, 1)],
            [Failed(codes.UPSTREAM_ERROR, said)],
        )
        shown = repr(events)
        assert spelled not in shown
        assert repr(spelled)[1:-1] not in shown
        assert secret not in shown
        assert shown.count(HIDDEN) >= 12


@secrets
@given(cuts=st.lists(st.integers(0, 60), max_size=12), which=st.integers(0, 8))
def test_a_secret_in_pieces_is_hidden(secret: str, cuts: list[int], which: int) -> None:
    said = f"a {spellings(secret)[which]} z"
    ends = [*sorted(min(cut, len(said)) for cut in cuts), len(said)]
    pieces = [said[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    for shown in (
        text_of(told(secret, *[[Token(piece)] for piece in pieces], [Done()])),
        text_of(
            told(secret, *[[frame("token", p), frame("metadata", 1)] for p in pieces], [Done()])
        ),
        text_of(told(secret, [frame("token", piece) for piece in pieces], [Done()])),
    ):
        assert bare(shown) == f"a {HIDDEN} z"
    thinks = told(secret, *[[frame("thinking", piece)] for piece in pieces], [Done()])
    joined = "".join(str(each.data) for each in thinks if isinstance(each, Frame))
    assert bare(joined) == f"a {HIDDEN} z"


@given(st.lists(st.text(st.sampled_from('sk-proj4f/"\\u0'), max_size=9), max_size=20))
def test_whatever_is_no_secret_is_told_as_it_came(pieces: list[str]) -> None:
    said = "".join(pieces)
    shown = text_of(told(SECRETS[0], *[[Token(piece)] for piece in pieces], [Done()]))
    assert shown == said or (HIDDEN in shown and "sk-proj-" in said)


def test_a_frame_without_the_secret_keeps_its_bytes() -> None:
    frames: Events = [
        frame("token", 'plain \\ "s"', also=1),
        frame("start", "s"),
        frame("usedTools", [{"s": "sk-proj"}]),
        Frame("token", b"as it came", "as it came"),
    ]
    assert told(SECRETS[0], frames, [Done()]) == [*frames, Done()]


def test_a_word_that_begins_no_secret_leaves_at_once_and_a_held_one_with_the_next() -> None:
    said: list[Events] = [[Token("Ash")], [Token("the")], [Token(" s")], [Token("o.")], [Done()]]
    assert lots(SECRETS[0], *said) == [
        *([Token("Ash")], [Token("the")], [Token(" ")], [Token("so.")], [Done()]),
    ]


@pytest.mark.parametrize("last", [Done(), Failed(codes.UPSTREAM_CUT)])
def test_the_beginning_of_a_secret_at_the_end_is_told_only_if_it_is_short(
    last: Done | Failed,
) -> None:
    secret = SECRETS[0]
    assert told(secret, [Token("a sk-"), last]) == [Token("a "), Token("sk-"), last]
    assert text_of(told(secret, [Token(f"a {secret[:-1]}")], [last])) == f"a {HIDDEN}"


def test_what_a_connection_test_says_is_covered_too() -> None:
    secret = SECRETS[0]

    class Loud(Says):
        async def test_connection(self) -> tuple[bool, str]:
            return False, f"No: {secret}"

        async def list_models(self) -> tuple[list[str], str]:
            return [secret, "tiny"], ""

    made: Any = discreet(Loud(), secret)
    assert asyncio.run(made.test_connection()) == (False, f"No: {HIDDEN}")
    assert asyncio.run(made.list_models()) == ([HIDDEN, "tiny"], "")


def test_every_kind_wraps_its_engine_where_there_is_a_secret() -> None:
    made = UNKNOWN.engine(UNKNOWN.config(), Materials(secret=SECRETS[0]))
    assert isinstance(made, DiscreetEngine)
    assert not isinstance(UNKNOWN.engine(UNKNOWN.config(), Materials()), DiscreetEngine)


def test_a_placeholder_is_not_hidden() -> None:
    assert len("EMPTY") < SHORTEST
    assert told("EMPTY", [Token("EMPTY"), Done()]) == [Token("EMPTY"), Done()]


@secrets
def test_texts_made_to_take_long_do_not(secret: str) -> None:
    first = secret[0]
    hostile = [
        "\\" * 60_000,
        f"{first}\\" * 30_000,
        f"\\u{ord(first):04x}" * 10_000,
        first * 60_000,
    ]
    hostile += [secret[:-1] * 4000, "\\ " * 30_000, ("\\" * 31 + first) * 2000]
    with that_ends():
        for text in hostile:
            told(secret, *[[Token(text)]] * 3, [frame("usedTools", [text])], [Done()])


def test_a_beginning_behind_many_backslashes_is_held_back() -> None:
    secret = SECRETS[0]
    for count in range(1, 80):
        said: Events = [Token("\\" * count), Token("u0073"), Token(secret[1:]), Done()]
        assert bare(text_of(told(secret, said))) == HIDDEN, count


def test_a_value_that_is_too_deep_to_look_into_is_not_passed_on() -> None:
    value: Any = SECRETS[0]
    for _ in range(300):
        value = [value]
    assert SECRETS[0] not in repr(told(SECRETS[0], [Whole({"text": value}), Done()]))


@pytest.mark.parametrize("length", [8, 2000])
def test_a_large_answer_takes_no_longer_for_a_long_secret(length: int) -> None:
    """A JSON web token has some thousand characters. An answer has 8 MiB: here a quarter."""
    secret = ("eyJhbGciOiJIUzI1NiJ9." + hashlib.sha512(b"a").hexdigest() * 16)[:length]
    almost = ["e", "\\", "e\\", "\\u0065", secret[:-1] + " ", secret[:-1] + "\\"]
    hostile = [each * (MAX_JSON_BYTES // 4 // len(almost) // len(each)) for each in almost]
    with that_ends():
        told(secret, [Whole({"text": "".join(hostile), "usedTools": [secret]}), Done()])
    many = secret * (2**16 // length)
    assert told(secret, [Whole({"text": many}), Done()]) == [
        *(Whole({"text": HIDDEN * (2**16 // length)}), Done())
    ]


def test_a_secret_that_repeats_itself_is_known_as_such() -> None:
    """It could begin at every character of a text, and each time be followed to its end."""
    for secret in (*SECRETS, "x" * 23, "sk-" + "x" * 500, "ab" * 12, "none", "\\" * 30):
        assert not is_repetitive(secret), secret
    for secret in ("a" * 1999 + "b", "ab" * 1000, "\\a" * 50, ("a" * 8 + "b") * 20):
        assert is_repetitive(secret), secret
