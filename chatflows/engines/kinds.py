"""Kinds of engines: the one registry. A further engine is a folder beside it and a line in it.

Its form is found in `chatflows/forms/engines.py` and its fragment in `templates/chatflows/engines/`
by the kind's name.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from accounts.network import egress
from chatflows.access import codes
from chatflows.engines import faq, flowise, openai
from chatflows.engines.configs import Config, InvalidConfig, NoConfig
from chatflows.engines.events import Engine, Events, Failed, Question
from chatflows.engines.flowise import FlowiseConfig
from chatflows.engines.openai import OpenAIConfig
from chatflows.engines.sources import Materials

DEFAULT = "faq"  # what answers a new chatflow
ConfigType = TypeVar("ConfigType", bound=Config)


@dataclass(frozen=True, slots=True)
class Kind(Generic[ConfigType]):
    """What one kind of engine is called, made from, and able to do."""

    name: str
    label: str
    config: type[ConfigType]
    make: Callable[[ConfigType, Materials], Engine]
    is_instant: bool = False  # the answer comes from this process and is over at once
    answers_from_entries: bool = False
    takes_files: bool = False  # files of a question go upstream
    # It is shown earlier turns, and turns are kept before the answer ends: a RememberingEngine.
    remembers: bool = False
    can_abort: bool = False  # its upstream can be told to stop: an AbortableEngine
    suggests: str = ""  # the field whose values its upstream lists: a ListingEngine

    @property
    def has_upstream(self) -> bool:
        """Whether it asks a server, and so has an address and perhaps a secret."""
        return "base_url" in self.config.checks

    def check(self, values: Mapping[str, Any]) -> ConfigType:
        """Make a config of what a person typed; names are looked up, so never in the loop.

        Raises InvalidConfig with a sentence for each wrong field.
        """
        checks = self.config.checks
        errors = {name: "There is no such setting." for name in values if name not in checks}
        checked: dict[str, Any] = {}
        for name, check in checks.items():
            try:
                checked[name] = check(values.get(name))
            except ValueError as error:
                errors[name] = str(error)
        if errors:
            raise InvalidConfig(errors)
        return self.config(**checked)

    def load(self, values: Mapping[str, Any]) -> ConfigType:
        """Make a config of what is stored. Raises InvalidConfig if something else lies there."""
        if not self.config.checks:
            return self.config()
        try:
            return self.config(**values)
        except TypeError:
            raise InvalidConfig({"engine": "The engine is not set up."}) from None

    def origin(self, config: ConfigType) -> str:
        """The origin that a secret is bound to; empty for a kind without an upstream."""
        return egress.origin(getattr(config, "base_url")) if self.has_upstream else ""  # noqa: B009


class UnsetEngine:
    """Stands where the settings of an engine are missing or can't be read."""

    async def answer(self, question: Question) -> AsyncGenerator[Events, None]:
        """Say so."""
        yield [Failed(codes.UPSTREAM_UNSET)]


_KINDS: tuple[Kind[Any], ...] = (
    Kind("faq", "FAQ", NoConfig, faq.make, is_instant=True, answers_from_entries=True),
    Kind("flowise", "Flowise", FlowiseConfig, flowise.make, takes_files=True, can_abort=True),
    Kind(
        "openai", "OpenAI-compatible", OpenAIConfig, openai.make, remembers=True, suggests="model"
    ),
)
KINDS: Mapping[str, Kind[Any]] = {kind.name: kind for kind in _KINDS}
# What a damaged row names.
UNKNOWN: Kind[Any] = Kind("", "", NoConfig, lambda config, materials: UnsetEngine())


def of(name: str) -> Kind[Any]:
    """The kind of this name; UNKNOWN, which can do nothing, if there is none."""
    return KINDS.get(name, UNKNOWN)


def chosen(name: str) -> Kind[Any]:
    """The kind that a person chose. Raises InvalidConfig if there is none of this name."""
    if name not in KINDS:
        raise InvalidConfig({"engine": "There is no such engine."})
    return KINDS[name]


def choices() -> list[tuple[str, str]]:
    """Names and labels, for a form."""
    return [(kind.name, kind.label) for kind in KINDS.values()]
