"""Configs: what the settings of all engines share, and what binds an upstream's secret."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar
from uuid import UUID

from accounts.network import egress

# Turns what a person typed into a field's value. Raises ValueError with a sentence for the person.
Check = Callable[[object], Any]
Number = TypeVar("Number", int, float)


class Config(Protocol):
    """The settings of an engine: a frozen dataclass with a check for each of its fields."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    checks: ClassVar[Mapping[str, Check]]


class InvalidConfig(ValueError):
    """Raised for settings that can't be used. `errors` has a sentence for each wrong field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class NoConfig:
    """The config of an engine that has no settings."""

    checks: ClassVar[Mapping[str, Check]] = {}


def secret_place(chatflow_id: UUID, team_id: UUID, origin: str) -> tuple[str, ...]:
    """Return the context that an upstream's secret is encrypted for; it opens in no other."""
    return ("upstream_secret", str(chatflow_id), str(team_id), origin)


def server_url(value: object) -> str:
    """Check the address of a server. It looks the name up, so call it outside the event loop."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("Write the address of the server.")
    return egress.check_url(value)


def whole_number(value: object, least: int, most: int) -> int:
    """Read a whole number from `least` to `most`."""
    found = number(value, int)
    if not least <= found <= most:
        raise ValueError(f"A whole number from {least} to {most}.")
    return found


def number(value: object, kind: type[Number]) -> Number:
    """Read a number of the given type."""
    try:
        return kind(str(value))
    except ValueError:
        raise ValueError("This is not a number.") from None
