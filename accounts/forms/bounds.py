"""Fields for what bounds keys and chatflows: networks, origins, limits, money."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.bounds import MOST, NANOS, Limits, Measure
from accounts.models.limited import LIMIT_COLUMNS
from accounts.network import addresses, origins

MAX_LINES = 50
MAX_CHARACTERS = 12_000  # of a whole field


class LinesField(forms.CharField):
    """Texts, one a line, each in its one spelling. The error names the line."""

    def __init__(self, read: Callable[[str], str], placeholder: str, **options: Any) -> None:
        rows = {"rows": 2, "spellcheck": "false", "placeholder": placeholder}
        super().__init__(
            required=False,
            widget=forms.Textarea(attrs={**rows, "class": "pass", "autocapitalize": "none"}),
            max_length=MAX_CHARACTERS,
            **options,
        )
        self._read = read

    def prepare_value(self, value: Any) -> Any:
        """Draw a list with one text a line."""
        return "\n".join(value) if isinstance(value, list | tuple) else value

    def clean(self, value: Any) -> list[str]:
        """Return the texts, each once, in their order."""
        lines = [line.strip() for line in (super().clean(value) or "").splitlines()]
        found: dict[str, None] = {}
        for number, line in enumerate(lines, start=1):
            if not line:
                continue
            try:
                found[self._read(line)] = None
            except ValueError as error:
                raise ValidationError(f"Line {number}: {error}") from None
        if len(found) > MAX_LINES:
            raise ValidationError(f"These are {len(found)}. At most {MAX_LINES} fit.")
        return list(found)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare as texts."""
        return super().has_changed(self.prepare_value(initial) or "", data)


def networks_field(**options: Any) -> LinesField:
    """Return a field for networks (CIDR), as `addresses.network` spells them."""
    return LinesField(_network, "203.0.113.0/24", **options)


def origins_field(**options: Any) -> LinesField:
    """Return a field for the origins of web pages."""
    return LinesField(origins.origin, origins.EXAMPLE, **options)


class MoneyField(forms.DecimalField):
    """An amount of money above zero, cleaned to nanos."""

    def __init__(self, **options: Any) -> None:
        most = Decimal(MOST.budget or 0) / NANOS
        said = f"Use an amount from 0.01 to {most:,}, or leave the field empty."
        super().__init__(
            required=False,
            min_value=Decimal("0.01"),
            max_value=most,
            decimal_places=2,
            error_messages={"min_value": said, "max_value": said},
            **options,
        )

    def prepare_value(self, value: Any) -> Any:
        """Draw nanos as an amount."""
        return f"{Decimal(value) / NANOS:.2f}" if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        """Return nanos, or None for an empty field."""
        amount = super().clean(value)
        return None if amount is None else int(amount * NANOS)


def limit_fields() -> dict[str, forms.Field]:
    """Return one field for each limit, by its column; empty: no such limit."""
    labels = {
        Measure.MINUTE: "Requests a minute",
        Measure.STREAMS: "Streams at once",
        Measure.DAY: "Calls a day",
        Measure.MONTH: "Calls a month",
        Measure.TOKENS: "Tokens a month",
        Measure.BUDGET: "Budget a month",
    }
    fields: dict[str, forms.Field] = {}
    for column, measure, most in zip(LIMIT_COLUMNS, Measure, MOST, strict=True):
        if measure is Measure.BUDGET:
            fields[column] = MoneyField(label=labels[measure])
        else:
            fields[column] = count_field(labels[measure], most)
        fields[column].widget.attrs.update({"placeholder": "No limit"})
    return fields


def count_field(label: str, most: int | None) -> forms.IntegerField:
    """Return a field for a number of at least one; empty: none."""
    said = f"Use a number from 1 to {most:,}, or leave the field empty." if most else ""
    errors = {"min_value": said, "max_value": said} if said else {}
    return forms.IntegerField(
        required=False, min_value=1, max_value=most, label=label, error_messages=errors
    )


def limits_of(cleaned: dict[str, Any]) -> Limits:
    """Return the limits of a valid form."""
    return Limits(*[cleaned.get(column) for column in LIMIT_COLUMNS])


def _network(text: str) -> str:
    if "::ffff:" in text.lower():
        raise ValueError("write the IPv4 network itself, such as 203.0.113.0/24.")
    try:
        found = addresses.network(text)
    except ValueError as error:
        if "host bits" in str(error):
            address, _, prefix = text.partition("/")
            raise ValueError(
                f"{address} lies inside its network /{prefix}. Write the network's first address, "
                f"or {address} alone."
            ) from None
        raise ValueError("write a network such as 203.0.113.0/24, or one address.") from None
    if found.prefixlen == 0:
        raise ValueError("this is every address. Leave the field empty for that.")
    return str(found)
