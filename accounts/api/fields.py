"""Fields of bodies: moments, counts and money, each in one spelling."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, WithJsonSchema

from accounts.api.operations import ApiSchema
from accounts.bounds import (
    MAX_CALLS,
    MAX_MONEY,
    MAX_STREAMS,
    MAX_TOKENS,
    NANOS,
    NO_LIMITS,
    Limits,
)

_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
MOST_MONEY = MAX_MONEY // NANOS  # in units
MAX_IDS = 1000  # in one body


def _moment(value: object) -> datetime:
    """Read a moment of RFC 3339. Without an offset nobody knows which one is meant."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or _MOMENT.fullmatch(value) is None:
        raise ValueError("write a moment with its offset, such as 2027-01-31T12:00:00Z")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("there is no such moment") from None


def _amount(value: object) -> Decimal:
    """Read an amount of money with at most two decimal places."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError("write an amount such as 20.00")
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("write an amount such as 20.00") from None
    if not amount.is_finite() or not Decimal("0.01") <= amount <= MOST_MONEY:
        raise ValueError(f"write an amount from 0.01 to {MOST_MONEY:,}")
    if amount != round(amount, 2):
        raise ValueError("write an amount with at most two decimal places")
    return amount


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="validation"),
]
Amount = Annotated[
    Decimal,
    BeforeValidator(_amount),
    WithJsonSchema({"type": ["number", "string"]}, mode="validation"),
    WithJsonSchema({"type": "string"}, mode="serialization"),
]
Count = Annotated[StrictInt, Field(ge=1, le=MAX_CALLS)]
Flag = StrictBool
Text = Annotated[str, Field(max_length=2000)]
# The document has the enum Scope in its place.
ScopeText = Annotated[str, WithJsonSchema({"x-scope": True})]

# The names of limits here, in the order of `accounts.bounds.Measure`.
LIMIT_NAMES = (
    *("requests_per_minute", "streams", "calls_per_day", "calls_per_month"),
    *("tokens_per_month", "budget"),
)


class LimitsBody(ApiSchema):
    """Limits to set. One that is left out stays, and null lifts it."""

    requests_per_minute: Count | None = None
    streams: Annotated[StrictInt, Field(ge=1, le=MAX_STREAMS)] | None = None
    calls_per_day: Count | None = None
    calls_per_month: Count | None = None
    tokens_per_month: Annotated[StrictInt, Field(ge=1, le=MAX_TOKENS)] | None = None
    budget: Amount | None = Field(
        default=None, description="Money a month, in the server's currency."
    )

    def over(self, present: Limits = NO_LIMITS) -> Limits:
        """Return the limits with those that are named here."""
        named = {
            measure: getattr(self, name)
            for measure, name in zip(Limits._fields, LIMIT_NAMES, strict=True)
            if name in self.model_fields_set
        }
        if self.budget is not None:
            named["budget"] = int(self.budget * NANOS)
        return present._replace(**named)


class LimitsShown(ApiSchema):
    """Limits as they stand. null: there is no such limit."""

    requests_per_minute: int | None
    streams: int | None
    calls_per_day: int | None
    calls_per_month: int | None
    tokens_per_month: int | None
    budget: str | None


def limits_shown(limits: Limits) -> LimitsShown:
    """Return limits as operations give them."""
    values: dict[str, Any] = dict(zip(LIMIT_NAMES, limits, strict=True))
    return LimitsShown(**{**values, "budget": money(limits.budget)})


def money(nanos: int | None) -> str | None:
    """Return an amount as operations give it."""
    return None if nanos is None else f"{Decimal(nanos) / NANOS:.2f}"


def said(value: object) -> object:
    """Refuse null where it says nothing: a field is left out, or it has a value."""
    if value is None:
        raise ValueError("null says nothing here. Leave the field out")
    return value


def unique(values: Sequence[Any]) -> list[Any]:
    """Return values in their order, each once."""
    return list(dict.fromkeys(values))
