"""A prediction keeps what was said: whole, in order, bounded, and fit for a database."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatflows import predictions
from chatflows.engines import Done, Event, Events, Frame, Token, Usage, Whole
from chatflows.predictions.prediction import BROKEN_OFF, JOINED, MAX_REMEMBERED, MAX_TEXT, TOO_LONG
from chatflows.predictions.turns import Turn
from tests.chatflows.engines.says import Says

pytestmark = pytest.mark.fast


def predicted(*lots: Sequence[Event]) -> predictions.Prediction:
    prediction = predictions.begin("?", "c")
    asyncio.run(predictions.complete(prediction, Says(*lots)))
    return prediction


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
def test_the_text_is_all_pieces_in_their_order(pieces: list[str]) -> None:
    said = pieces * 10  # more than are kept apart
    prediction = predicted([Token(text) for text in said], [Done()])
    assert prediction.text == "".join(said)
    assert prediction.pieces == len(said)


def test_an_endless_answer_is_kept_to_a_bound() -> None:
    prediction = predicted(*[[Token("0123456789" * 99)] * 600] * 2, [Done()])
    assert prediction.text == ("0123456789" * (MAX_TEXT // 10))


def test_a_whole_answer_is_never_cut_in_silence() -> None:
    piece = Token("a" * (MAX_TEXT // 2))
    fits = predicted([piece, piece], [Done()])
    assert (len(fits.text), fits.is_complete, fits.failure) == (MAX_TEXT, True, None)
    for lots in ([[piece, piece, Token("a")], [Done()]], [[piece, piece, Token("a"), Done()]]):
        longer = predicted(*lots)
        assert (longer.is_complete, longer.failure) == (False, TOO_LONG)
    whole = predicted([Whole({"text": "a" * (MAX_TEXT + 1)}), Done()])
    assert (whole.is_complete, whole.failure) == (True, None)  # it is passed on as it came


def test_many_small_pieces_are_kept_as_few_texts() -> None:
    prediction = predicted([Token("a")] * 10 * JOINED, [Done()])
    assert len(prediction._joined + prediction._last) <= 10 + JOINED


@pytest.mark.parametrize("before", [0, 62, 63, 64])
def test_an_emoji_that_comes_in_halves_is_whole(before: int) -> None:
    halves = [Token("\ud83d"), Token("\ude00")]
    assert predicted([*[Token("a")] * before, *halves, Done()]).text == "a" * before + "😀"


@pytest.mark.parametrize("lots", [[], [[Token("half")]]])
def test_an_engine_without_a_last_word_never_looks_whole(lots: list[Events]) -> None:
    prediction = predicted(*lots)
    assert prediction.failure is BROKEN_OFF
    assert not prediction.is_complete
    assert run(*lots)[-1] is BROKEN_OFF


def test_a_prediction_without_a_chat_id_begins_a_conversation() -> None:
    one, two = predictions.begin("Why?", ""), predictions.begin("Why?", "")
    assert one.chat_id != two.chat_id
    assert predictions.begin("Why?", "c1").chat_id == "c1"


def test_what_comes_behind_the_last_word_is_not_heard() -> None:
    lots: list[Events] = [[Token("a"), Done()], [Token("b")]]
    assert predicted(*lots).text == "a"
    assert run(*lots) == [Token("a"), Done()]


def run(*lots: Events) -> list[Event]:
    async def collect() -> list[Event]:
        prediction = predictions.begin("?", "c")
        return [event async for event in predictions.run(prediction, Says(*lots))]

    return asyncio.run(collect())


def kept(prediction: predictions.Prediction) -> Turn:
    return Turn.of(prediction, at=datetime.now(UTC), chatflow_id=UUID(int=1), caller="")


@pytest.mark.parametrize("last", [Token("b" * 7_232), Whole({"text": "b" * 40_000})])
def test_a_turn_that_is_cut_says_so(last: Event) -> None:
    asked = predictions.begin("a" * 1_234_567, "c")
    pieces = [Token("b" * MAX_REMEMBERED)] if isinstance(last, Token) else []
    asyncio.run(predictions.complete(asked, Says([*pieces, last, Done()])))
    turn = kept(asked)
    assert turn.question == "a" * MAX_REMEMBERED + "… (cut: 1,234,567 characters)"
    assert turn.answer == "b" * MAX_REMEMBERED + "… (cut: 40,000 characters)"


def test_a_turn_that_fits_is_kept_as_it_is() -> None:
    asked = predictions.begin("a" * MAX_REMEMBERED, "c")
    asyncio.run(predictions.complete(asked, Says([Token("b" * MAX_REMEMBERED), Done()])))
    turn = kept(asked)
    assert (turn.question, turn.answer) == ("a" * MAX_REMEMBERED, "b" * MAX_REMEMBERED)


def test_a_cut_answer_tells_its_true_length() -> None:
    piece = Token("b" * 100_000)
    assert kept(predicted([piece] * 15, [Done()])).answer.endswith("(cut: 1,500,000 characters)")


def test_what_the_models_of_a_flow_count_is_added_up() -> None:
    counted = [
        Frame("usageMetadata", b"", data={"input_tokens": 3, "output_tokens": 4}),
        Frame("usageMetadata", b"", data={"input_tokens": 10, "output_tokens": 20, "more": 1}),
        Frame("usageMetadata", b"", data={"input_tokens": "many", "output_tokens": 1}),
        Frame("usageMetadata", b"", data=None),
    ]
    assert predicted([*counted, Done()]).usage == Usage(13, 24)
