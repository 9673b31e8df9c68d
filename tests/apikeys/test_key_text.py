"""Key text: one published pattern, a checksum that catches typos, nothing secret in a repr."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apikeys import key_text

pytestmark = pytest.mark.fast

# As published for secret scanners; the code's own pattern must not drift from it.
PUBLISHED = {
    False: r"flk_sk_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}",
    True: r"flk_pk_[0-9A-Za-z]{12}_[0-9A-Za-z]{28}",
}
# Built in the test process: nothing here is the text of a living key.
KEYS = st.builds(key_text.generate, is_publishable=st.booleans())
both_kinds = pytest.mark.parametrize("is_publishable", [False, True])
ANY_CHARACTER = st.one_of(st.sampled_from(key_text.ALPHABET + "_- \n"), st.characters())


def test_the_published_patterns_are_the_codes() -> None:
    assert key_text.PATTERN.pattern == PUBLISHED[False]
    assert key_text.PUBLISHABLE_PATTERN.pattern == PUBLISHED[True]


def test_the_alphabet_is_base62_in_ascii_order() -> None:
    assert sorted(key_text.ALPHABET) == list(key_text.ALPHABET)
    assert set(key_text.ALPHABET) == set(string.ascii_letters + string.digits)


@given(KEYS)
def test_an_issued_key_matches_the_pattern_and_parses(made: key_text.KeyText) -> None:
    assert re.fullmatch(PUBLISHED[made.is_publishable], made.text)
    assert not re.search(PUBLISHED[not made.is_publishable], made.text)
    assert key_text.parse(made.text) == made
    assert made.text.split("_")[2] == made.public_id


def test_thousand_keys_share_no_id_and_no_text() -> None:
    made = [key_text.generate() for _ in range(1000)]
    assert len({key.public_id for key in made}) == len({key.text for key in made}) == 1000


@both_kinds
def test_every_substitution_by_a_character_of_the_alphabet_is_refused(is_publishable: bool) -> None:
    text = key_text.generate(is_publishable=is_publishable).text
    for position, kept in enumerate(text):
        for other in key_text.ALPHABET + "_-":
            if other != kept:
                changed = text[:position] + other + text[position + 1 :]
                assert key_text.parse(changed) is None, position


@both_kinds
def test_every_deletion_and_every_insertion_is_refused(is_publishable: bool) -> None:
    text = key_text.generate(is_publishable=is_publishable).text
    for position in range(len(text) + 1):
        if position < len(text):
            assert key_text.parse(text[:position] + text[position + 1 :]) is None
        for more in key_text.ALPHABET + "_\n\0 ":
            assert key_text.parse(text[:position] + more + text[position:]) is None


@both_kinds
def test_every_swap_of_neighbours_is_refused(is_publishable: bool) -> None:
    text = key_text.generate(is_publishable=is_publishable).text
    for position in range(len(text) - 1):
        one, two = text[position], text[position + 1]
        if one != two:
            assert key_text.parse(text[:position] + two + one + text[position + 2 :]) is None


@given(KEYS, st.data())
def test_one_changed_character_of_any_script_is_refused(
    made: key_text.KeyText, data: st.DataObject
) -> None:
    position = data.draw(st.integers(0, len(made.text) - 1))
    other = data.draw(ANY_CHARACTER.filter(lambda c: c != made.text[position]))
    assert key_text.parse(made.text[:position] + other + made.text[position + 1 :]) is None


@given(st.text())
def test_text_that_nobody_issued_is_none_and_never_an_error(text: str) -> None:
    assert key_text.parse(text) is None


@given(KEYS)
def test_what_is_stored_or_shown_of_a_key_is_no_key(made: key_text.KeyText) -> None:
    shown = "".join(key_text.hint_parts(made.public_id, is_publishable=made.is_publishable))
    digest = "0" * 64
    for part in (made.public_id, shown, digest, made.text[:-6], made.text.upper(), f" {made.text}"):
        assert key_text.parse(part) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "flk_sk_",
        "flk_pk_",
        "flk_pk_" + "A" * 12 + "_" + "A" * 49,
        "flk_pk_" + "A" * 12 + "_" + "A" * 28,  # the pattern, but no checksum
        "flk_xk_" + "A" * 12 + "_" + "A" * 28,
        "FLK_SK_" + "A" * 12 + "_" + "A" * 49,
        "flk_sk_" + "A" * 12 + "_" + "A" * 49,  # the pattern, but no checksum
        "flk_sk_" + "Ａ" * 12 + "_" + "A" * 49,  # full-width letters  # noqa: RUF001
        "flk_sk_" + "\u0661" * 12 + "_" + "1" * 49,  # digits of another script
        "sk-proj-" + "A" * 60,
    ],
)
def test_a_near_miss_is_none(text: str) -> None:
    assert key_text.parse(text) is None


@given(KEYS)
def test_a_repr_shows_the_id_and_never_the_text(made: key_text.KeyText) -> None:
    secret = made.text.split("_")[3]
    for shown in (repr(made), str(made), f"{made}", repr([made])):
        assert made.public_id in shown
        assert secret not in shown


@given(KEYS)
def test_the_hint_comes_from_the_id_alone(made: key_text.KeyText) -> None:
    parts = key_text.hint_parts(made.public_id, is_publishable=made.is_publishable)
    assert parts == (made.text[:7], made.public_id[:4], made.public_id[-4:])


@given(KEYS)
def test_a_text_of_one_kind_is_none_under_the_prefix_of_the_other(made: key_text.KeyText) -> None:
    other = "flk_sk_" if made.is_publishable else "flk_pk_"
    body = other + made.text[7 : -key_text.CHECKSUM_LENGTH]
    assert key_text.parse(other + made.text[7:]) is None
    assert key_text.parse(body + key_text.checksum(body)) is None
