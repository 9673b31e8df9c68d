"""The config of an `openai` engine: a server, a model, a prompt, parameters and a memory."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from chatflows.engines.configs import Check, number, server_url, whole_number

MAX_PROMPT_LENGTH = 20_000  # characters
MAX_MODEL_LENGTH = 200
MAX_MEMORY_TURNS = 50
MAX_TEMPERATURE = 2.0
MAX_TOKENS = 1_000_000
DEFAULT_MEMORY_TURNS = 10
_MODEL = re.compile(r"[\x21-\x7e]+")


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
    found = number(value, float)
    if not 0 <= found <= MAX_TEMPERATURE:
        raise ValueError("A number from 0 to 2, or nothing.")
    return found


def _max_tokens(value: object) -> int | None:
    if value in (None, ""):
        return None
    return whole_number(value, 1, MAX_TOKENS)


def _memory_turns(value: object) -> int:
    if value in (None, ""):
        return DEFAULT_MEMORY_TURNS
    return whole_number(value, 0, MAX_MEMORY_TURNS)


@dataclass(frozen=True, slots=True)
class OpenAIConfig:
    """A model of an OpenAI-compatible server. None leaves a parameter to the server."""

    base_url: str
    model: str
    system_prompt: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    memory_turns: int = DEFAULT_MEMORY_TURNS

    checks: ClassVar[Mapping[str, Check]] = {
        "base_url": server_url,
        "model": _model,
        "system_prompt": _prompt,
        "temperature": _temperature,
        "max_tokens": _max_tokens,
        "memory_turns": _memory_turns,
    }
