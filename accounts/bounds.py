"""Bounds: how much a key, a chatflow or an address may take, as its row says. Pure."""

from enum import StrEnum
from typing import NamedTuple


class Measure(StrEnum):
    """What a limit counts. The order is the one in which pages show them."""

    MINUTE = "minute"  # calls in the last 60 seconds
    STREAMS = "streams"  # answers that run at once
    DAY = "day"  # calls in a calendar day, UTC
    MONTH = "month"  # calls in a calendar month, UTC
    TOKENS = "tokens"  # tokens in a calendar month, UTC
    BUDGET = "budget"  # money in a calendar month, UTC, in nanos: billionths of the currency's unit


class Limits(NamedTuple):
    """The limits of one key or chatflow by measure. None: there is no such limit."""

    minute: int | None = None
    streams: int | None = None
    day: int | None = None
    month: int | None = None
    tokens: int | None = None
    budget: int | None = None


NO_LIMITS = Limits()
# Tokens that a call holds back for its answer until it ends, and one for each character that it
# sends. An answer may take more: then a limit of tokens or money is exceeded by the rest.
HELD_BACK = 4096
NANOS = 1_000_000_000  # of one unit of money
MAX_CALLS = 1_000_000_000
MAX_STREAMS = 100_000
MAX_TOKENS = 1_000_000_000_000
MAX_MONEY = 1_000_000_000 * NANOS
# The largest limit of each measure that a row can hold.
MOST = Limits(MAX_CALLS, MAX_STREAMS, MAX_CALLS, MAX_CALLS, MAX_TOKENS, MAX_MONEY)
