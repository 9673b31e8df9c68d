"""What an engine with an upstream is told: typed, checked, with one message a field."""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar
from uuid import UUID

from accounts.network import egress

MAX_PROMPT_LENGTH = 20_000  # characters
MAX_MODEL_LENGTH = 200
MAX_MEMORY_TURNS = 50
MAX_TEMPERATURE = 2.0
MAX_TOKENS = 1_000_000
DEFAULT_MEMORY_TURNS = 10
_FLOW_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
Number = TypeVar("Number", int, float)
_MODEL = re.compile(r"[\x21-\x7e]+")


class InvalidConfig(ValueError):
    """What was typed can't be used; `errors` has a sentence for each field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class FlowiseConfig:
    """A flow of a Flowise server."""

    base_url: str
    flow_id: str


@dataclass(frozen=True, slots=True)
class OpenAIConfig:
    """A model of an OpenAI-compatible server; None leaves a parameter to the server."""

    base_url: str
    model: str
    system_prompt: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    memory_turns: int = DEFAULT_MEMORY_TURNS


Config = FlowiseConfig | OpenAIConfig
CONFIGS: dict[str, type[FlowiseConfig] | type[OpenAIConfig]] = {
    "flowise": FlowiseConfig,
    "openai": OpenAIConfig,
}


def stored(config: Config) -> dict[str, Any]:
    """As it lies in the database."""
    return asdict(config)


def load(engine: str, values: Mapping[str, Any]) -> Config:
    """What `stored` gave. Raises InvalidConfig if something else lies there."""
    try:
        return CONFIGS[engine](**values)
    except (KeyError, TypeError):
        raise InvalidConfig({"engine": "The engine is not set up."}) from None


def secret_place(chatflow_id: UUID, team_id: UUID, origin: str) -> tuple[str, ...]:
    """Where an upstream's secret lies, as its encryption is bound to it."""
    return ("upstream_secret", str(chatflow_id), str(team_id), origin)


def check(engine: str, values: Mapping[str, Any]) -> Config:
    """A config from what a person typed; names are looked up, so never in the loop.

    Raises InvalidConfig with a sentence for each wrong field.
    """
    checks = _CHECKS.get(engine)
    if checks is None:
        raise InvalidConfig({"engine": "There is no such engine."})
    errors = {name: "There is no such setting." for name in values if name not in checks}
    checked: dict[str, Any] = {}
    for name, one in checks.items():
        try:
            checked[name] = one(values.get(name))
        except ValueError as error:
            errors[name] = str(error)
    if errors:
        raise InvalidConfig(errors)
    return CONFIGS[engine](**checked)


def _base_url(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("Write the address of the server.")
    return egress.check_url(value)


def _flowise_url(value: object) -> str:
    url = _base_url(value)
    if "/api/v1" in url:
        raise ValueError("Leave out everything from /api/v1 on.")
    return url


def _flow_id(value: object) -> str:
    text = str(value or "").strip()
    if not _FLOW_ID.fullmatch(text):
        raise ValueError("The flow's id has the form 0198c2f4-1c2b-4d5e-8f90-abcdef123456.")
    return text.lower()


def _model(value: object) -> str:
    text = str(value or "").strip()
    if not _MODEL.fullmatch(text) or len(text) > MAX_MODEL_LENGTH:
        raise ValueError("Write the model's name, as the server calls it.")
    return text


def _prompt(value: object) -> str:
    text = str(value or "").strip()
    if len(text) > MAX_PROMPT_LENGTH:
        raise ValueError(f"At most {MAX_PROMPT_LENGTH} characters.")
    return text


def _temperature(value: object) -> float | None:
    if value in (None, ""):
        return None
    number = _number(value, float)
    if not 0 <= number <= MAX_TEMPERATURE:
        raise ValueError("A number from 0 to 2, or nothing.")
    return number


def _max_tokens(value: object) -> int | None:
    if value in (None, ""):
        return None
    return _whole(value, 1, MAX_TOKENS)


def _memory_turns(value: object) -> int:
    return DEFAULT_MEMORY_TURNS if value in (None, "") else _whole(value, 0, MAX_MEMORY_TURNS)


def _whole(value: object, least: int, most: int) -> int:
    number = _number(value, int)
    if not least <= number <= most:
        raise ValueError(f"A whole number from {least} to {most}.")
    return number


def _number(value: object, kind: type[Number]) -> Number:
    try:
        return kind(str(value))
    except ValueError:
        raise ValueError("This is not a number.") from None


_CHECKS: dict[str, dict[str, Callable[[object], Any]]] = {
    "flowise": {"base_url": _flowise_url, "flow_id": _flow_id},
    "openai": {
        "base_url": _base_url,
        "model": _model,
        "system_prompt": _prompt,
        "temperature": _temperature,
        "max_tokens": _max_tokens,
        "memory_turns": _memory_turns,
    },
}
