"""Costs: the tokens that a prediction took, and what they cost. Pure.

Engines that answer at once take none. Of the others, what the upstream counted is taken. Where it
counted nothing, or the answer broke off before it told, four characters of what went there and of
what came are a token. The engine's own instructions and files are not estimated.
"""

from accounts.bounds import MAX_MONEY, MAX_TOKENS
from chatflows.access import codes
from chatflows.engines import Question
from chatflows.predictions.prediction import Prediction

CHARACTERS = 4  # of a token, in English
PRICED = 1_000_000  # tokens that a price is for

# The upstream was not asked, or it refused: if nothing came, nothing was taken.
_UNASKED = frozenset(
    code.name
    for code in (
        codes.UNAVAILABLE,
        codes.UPSTREAM_ERROR,
        codes.UPSTREAM_RATE_LIMITED,
        codes.UPSTREAM_UNAUTHORIZED,
        codes.UPSTREAM_UNREACHABLE,
        codes.UPSTREAM_UNSET,
    )
)


def tokens_of(prediction: Prediction, code: str) -> int:
    """Return the tokens that a prediction of an engine took; `code` says how the call ended."""
    usage = prediction.usage
    counted = usage.prompt_tokens + usage.completion_tokens if usage is not None else 0
    if counted > 0:
        return min(counted, MAX_TOKENS)
    if prediction.length == 0 and code in _UNASKED:
        return 0
    characters = characters_of(prediction.question) + prediction.length
    return min(-(-characters // CHARACTERS), MAX_TOKENS)


def cost_of(tokens: int, price: int) -> int:
    """Return what tokens cost in nanos, rounded up; `price` is of a million of them."""
    return min(-(-tokens * price // PRICED), MAX_MONEY)


def characters_of(question: Question) -> int:
    """Return the characters that go to the engine: the question, and the turns before it."""
    if question.messages:  # the question is the last of them
        return sum(len(message.text) for message in question.messages)
    past = sum(len(turn.question) + len(turn.answer) for turn in question.history)
    return len(question.text) + past
