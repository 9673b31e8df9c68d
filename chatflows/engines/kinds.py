"""Kinds: the one registry of engines. A new engine is one folder beside it and one line in it.

The kind's name also finds its form in `chatflows/forms/engines.py` and its fragment in
`templates/chatflows/engines/`.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from accounts.network import egress
from chatflows.access import codes
from chatflows.engines import faq, flowise, openai, secrecy
from chatflows.engines.configs import Config, InvalidConfig, NoConfig
from chatflows.engines.events import Engine, Events, Failed, Question
from chatflows.engines.flowise import FlowiseConfig
from chatflows.engines.openai import OpenAIConfig
from chatflows.engines.sources import Materials

DEFAULT = "faq"  # the kind of a new chatflow
ConfigType = TypeVar("ConfigType", bound=Config)


@dataclass(frozen=True, slots=True)
class Kind(Generic[ConfigType]):
    """A kind of engine: its name, how it is made, and what it can do."""

    name: str
    label: str
    config: type[ConfigType]
    make: Callable[[ConfigType, Materials], Engine]
    is_instant: bool = False  # this process makes the answer, and is done at once
    answers_from_entries: bool = False
    takes_files: bool = False  # files of a question go upstream
    may_ask_nothing: bool = False  # an empty question goes upstream, where a flow may need none
    # A RememberingEngine: it is shown earlier turns, and a turn is kept before its answer ends.
    remembers: bool = False
    can_abort: bool = False  # an AbortableEngine: its upstream can be told to stop
    suggests: str = ""  # a ListingEngine: the field whose values its upstream lists

    @property
    def has_upstream(self) -> bool:
        """Whether it asks a server. It then has an address and perhaps a secret."""
        return "base_url" in self.config.checks

    def check(self, values: Mapping[str, Any]) -> ConfigType:
        """Make a config from what a person typed. Raises InvalidConfig.

        It looks names up, so call it outside the event loop.
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
        """Make a config from stored values. Raises InvalidConfig if they don't fit."""
        if not self.config.checks:
            return self.config()
        try:
            return self.config(**values)
        except TypeError:
            raise InvalidConfig({"engine": "The engine is not set up."}) from None

    def engine(self, config: ConfigType, materials: Materials) -> Engine:
        """Make an engine. It passes its secret on to nobody but its upstream."""
        return secrecy.discreet(self.make(config, materials), materials.secret)

    def origin(self, config: ConfigType) -> str:
        """Return the origin that a secret is bound to; empty for a kind without an upstream."""
        return egress.origin(getattr(config, "base_url")) if self.has_upstream else ""  # noqa: B009


class UnsetEngine:
    """An engine in place of one whose settings are missing or can't be read."""

    async def answer(self, question: Question) -> AsyncGenerator[Events, None]:
        """Yield that the engine is not set up."""
        yield [Failed(codes.UPSTREAM_UNSET)]


_KINDS: tuple[Kind[Any], ...] = (
    Kind("faq", "FAQ", NoConfig, faq.make, is_instant=True, answers_from_entries=True),
    Kind(
        "flowise",
        "Flowise",
        FlowiseConfig,
        flowise.make,
        takes_files=True,
        may_ask_nothing=True,
        can_abort=True,
    ),
    Kind(
        "openai", "OpenAI-compatible", OpenAIConfig, openai.make, remembers=True, suggests="model"
    ),
)
KINDS: Mapping[str, Kind[Any]] = {kind.name: kind for kind in _KINDS}
# The kind of a row with a damaged name.
UNKNOWN: Kind[Any] = Kind("", "", NoConfig, lambda config, materials: UnsetEngine())


def of(name: str) -> Kind[Any]:
    """Return the kind of this name, or UNKNOWN, which can do nothing."""
    return KINDS.get(name, UNKNOWN)


def chosen(name: str) -> Kind[Any]:
    """Return the kind that a person chose. Raises InvalidConfig if there is none of this name."""
    if name not in KINDS:
        raise InvalidConfig({"engine": "There is no such engine."})
    return KINDS[name]


def choices() -> list[tuple[str, str]]:
    """Return names and labels as the choices of a form."""
    return [(kind.name, kind.label) for kind in KINDS.values()]
