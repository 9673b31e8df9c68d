"""What the configs of all engines share: the checks of fields, and where a secret lies."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar
from uuid import UUID

from accounts.network import egress

# Makes a field's value of what a person typed. Raises ValueError with a sentence for that person.
Check = Callable[[object], Any]
Number = TypeVar("Number", int, float)


class Config(Protocol):
    """What an engine is told: a frozen dataclass, with a check for each of its fields."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    checks: ClassVar[Mapping[str, Check]]


class InvalidConfig(ValueError):
    """What was typed can't be used; `errors` has a sentence for each field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class NoConfig:
    """What an engine without settings is told."""

    checks: ClassVar[Mapping[str, Check]] = {}


def secret_place(chatflow_id: UUID, team_id: UUID, origin: str) -> tuple[str, ...]:
    """Where an upstream's secret lies, as its encryption is bound to it."""
    return ("upstream_secret", str(chatflow_id), str(team_id), origin)


def server_url(value: object) -> str:
    """The address of a server. Looks its name up, so call it outside the loop."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("Write the address of the server.")
    return egress.check_url(value)


def whole_number(value: object, least: int, most: int) -> int:
    """A whole number from `least` to `most`."""
    found = number(value, int)
    if not least <= found <= most:
        raise ValueError(f"A whole number from {least} to {most}.")
    return found


def number(value: object, kind: type[Number]) -> Number:
    """A number of this type."""
    try:
        return kind(str(value))
    except ValueError:
        raise ValueError("This is not a number.") from None
