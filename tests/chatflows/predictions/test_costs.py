"""Costs: what an upstream counted is taken, and what nobody counted is estimated, never nothing."""

import asyncio

import pytest

from accounts.bounds import MAX_MONEY, MAX_TOKENS, NANOS
from chatflows import predictions
from chatflows.access import codes
from chatflows.engines import ChatMessage, Done, Event, Failed, PastTurn, Token, Usage
from chatflows.predictions.costs import cost_of, tokens_of
from chatflows.predictions.prediction import Prediction
from tests.chatflows.engines.says import Says

pytestmark = pytest.mark.fast


def predicted(*said: Event, question: str = "12345678") -> Prediction:
    prediction = predictions.begin(question, "c")
    asyncio.run(predictions.complete(prediction, Says([*said])))
    return prediction


def test_what_the_upstream_counted_is_taken() -> None:
    assert tokens_of(predicted(Token("a" * 400), Usage(11, 31), Done()), codes.OK) == 42


@pytest.mark.parametrize("usage", [[], [Usage(0, 0)], [Usage(-5, 2)]])
def test_what_nobody_counted_is_four_characters_a_token(usage: list[Event]) -> None:
    assert tokens_of(predicted(Token("abcde"), *usage, Done()), codes.OK) == 4  # of 13


def test_past_turns_went_there_too() -> None:
    prediction = predicted(Token("1234"), Done())
    past = (PastTurn("1234", "12345678"),)
    prediction.question = prediction.question._replace(history=past)
    assert tokens_of(prediction, codes.OK) == 6


def test_a_conversation_that_the_caller_keeps_holds_the_question() -> None:
    prediction = predicted(Token("1234"), Done())
    messages = (ChatMessage("system", "1234"), ChatMessage("user", "12345678"))
    prediction.question = prediction.question._replace(messages=messages)
    assert tokens_of(prediction, codes.OK) == 4


def test_an_answer_that_broke_off_counts_what_came() -> None:
    assert tokens_of(predicted(Token("1234")), codes.UPSTREAM_CUT.name) == 3
    failed = predicted(Token("1234"), Failed(codes.UPSTREAM_ERROR))
    assert tokens_of(failed, codes.UPSTREAM_ERROR.name) == 3


def test_a_long_answer_counts_beyond_what_is_kept_of_it() -> None:
    prediction = predictions.begin("", "c")
    prediction.most = 4
    prediction.note(Token("1" * 400))
    assert tokens_of(prediction, codes.CLIENT_GONE) == 100


@pytest.mark.parametrize(
    ("code", "tokens"),
    [
        (codes.UPSTREAM_UNREACHABLE, 0),
        (codes.UPSTREAM_UNAUTHORIZED, 0),
        (codes.UPSTREAM_RATE_LIMITED, 0),
        (codes.UPSTREAM_UNSET, 0),
        (codes.UPSTREAM_TIMEOUT, 2),  # it has the question, and may have worked
        (codes.UPSTREAM_CUT, 2),
    ],
)
def test_an_upstream_that_was_not_asked_takes_nothing(code: codes.Code, tokens: int) -> None:
    assert tokens_of(predicted(Failed(code)), code.name) == tokens


def test_a_boundless_count_is_bounded() -> None:
    assert tokens_of(predicted(Usage(10**30, 1), Done()), codes.OK) == MAX_TOKENS
    assert cost_of(MAX_TOKENS, MAX_MONEY) == MAX_MONEY


def test_a_cost_is_rounded_up_to_a_nano() -> None:
    price = 3 * NANOS  # of a million tokens
    assert cost_of(1_000_000, price) == price
    assert cost_of(1, price) == 3000
    assert cost_of(1, 1) == 1
    assert cost_of(0, price) == cost_of(10, 0) == 0
