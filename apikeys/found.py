"""Found: one sentence that says what someone who found a key could do. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.bounds import NO_LIMITS, Limits
from accounts.permissions import Permission, with_implied

CALLING = (Permission.PREDICTIONS_CREATE.value,)
# What a publishable key does not protect from.
NOT_PROTECTED = (
    "A browser on another site is kept out; a program can claim any origin, and against that only "
    "the limits hold."
)
OPENING = {"chatflows:update", "agentflows:update"}
CHIPS = 4  # scopes shown by name
# The scopes that stand first among the chips, before others that change something.
_FIRST = (*CALLING, "apikeys:create", *sorted(OPENING, reverse=True), "invitations:create")
NAMED_NETWORKS = 2

# What can be read, as the objects of "read"; the names of things first.
_NAMES = {
    "apikeys:view": "keys",
    "chatflows:view": "chatflows",
    "agentflows:view": "agentflows",
    "service-accounts:view": "service accounts",
    "members:view": "members",
}
_FACTS = {"usage:view": "how much is used", "audit:view": "who changed what"}
# What can be changed: the verbs of each resource, and its noun.
_OF_FLOWS = {"create": ("add",), "update": ("open", "close"), "delete": ("delete",)}
_CHANGES: Sequence[tuple[str, str, Mapping[str, tuple[str, ...]]]] = (
    ("apikeys", "keys", {"create": ("make",), "update": ("change",), "delete": ("delete",)}),
    ("chatflows", "chatflows", _OF_FLOWS),
    ("agentflows", "agentflows", _OF_FLOWS),
    (
        "service-accounts",
        "service accounts",
        {"create": ("add",), "update": ("change",), "delete": ("delete",)},
    ),
)


@dataclass(frozen=True, slots=True)
class Found:
    """The sentence: `lead` is bold. `is_strong`: it says something that a person should weigh.

    `opens` names what the key opens.
    """

    lead: str
    rest: str
    is_strong: bool
    scopes: tuple[str, ...]
    opens: tuple[str, ...] = ()

    @property
    def may(self) -> str:
        """What the key may do, for whoever is to hold it."""
        return abilities(self.scopes)

    @property
    def chips(self) -> tuple[str, ...]:
        """The first scopes by name."""
        return self.scopes[:CHIPS]

    @property
    def more(self) -> int:
        """How many scopes have no chip."""
        return len(self.scopes) - len(self.chips)


def sentence(
    scopes: Iterable[str],
    *,
    resources: Sequence[str] | None,
    networks: Sequence[str] = (),
    expires_at: datetime | None = None,
    is_publishable: bool = False,
    limits: Limits = NO_LIMITS,
) -> Found:
    """Say what someone who found the key could do.

    `resources` are the names of what the key opens, None while that is not chosen yet: then nothing
    is said about where from and until when either, nor about what a publishable key does not
    protect from: the page on which it is made says that apart.
    """
    held = with_implied(scopes)
    when = "" if resources is None else _bounds(networks, expires_at)
    if is_publishable:
        return Found("Everyone can read this key.", _public(resources, limits, when), True, CALLING)
    named = tuple(sorted(map(str, held), key=_weight))
    changes = _changes(held)
    text = _strong(held, resources, when, changes) if changes else _mild(held, resources, when)
    if changes:
        text += _advice(networks, expires_at)
    return Found("Whoever found this key could", text, bool(changes), named, tuple(resources or ()))


def abilities(scopes: Iterable[str]) -> str:
    """Say what scopes let a key do, the strongest after its calls, without who could do it."""
    held = with_implied(scopes)
    asks, reads = held.issuperset(CALLING), _reads(held, None)
    could = ["ask the chatflows it opens"] if asks else []
    could += [*_changes(held), *([f"read {_series(reads)}"] if reads else [])]
    return f"{could[0]}, nothing else" if len(could) == 1 else "; ".join(could) or "nothing"


def _mild(held: frozenset[str], resources: Sequence[str] | None, when: str) -> str:
    """Say what a key could do that changes nothing."""
    asks, reads = held.issuperset(CALLING), _reads(held, resources)
    if not held:
        return "do nothing: it has no scope."
    if asks and resources == [] and not reads:
        return f"do nothing yet: it opens no chatflow. Once it does, they could ask it, {when}."
    could = [f"ask {_opened(resources)}"] if asks and resources != [] else []
    could += [f"read {_series(reads)}"] if reads else []
    cannot = ([] if asks else ["ask nothing"]) + ([] if reads else ["read nothing else"])
    text = f"{_list(could)}{when and f', {when}'}. They could {_list([*cannot, 'change nothing'])}."
    return f"{text} It opens no chatflow yet." if asks and resources == [] else text


def _strong(
    held: frozenset[str], resources: Sequence[str] | None, when: str, changes: list[str]
) -> str:
    """Say what a key could do that changes something: that comes before what it reads."""
    asks, reads = held.issuperset(CALLING), _reads(held, resources)
    could = [f"ask {opened}"] if asks and (opened := _reachable(held, resources)) else []
    could += [*changes, *([f"read {_series(reads)}"] if reads else [])]
    text = f"{'; '.join(could)}{when and f'; {when}'}."
    return text if asks else f"{text} They could ask nothing."


def _public(resources: Sequence[str] | None, limits: Limits, when: str) -> str:
    often = [
        f"{limit:,} times {per}"
        for limit, per in ((limits.minute, "a minute"), (limits.day, "a day"))
        if limit is not None
    ]
    most = f"at most {_list(often)}" if often else "at most as often as the limits allow"
    one = resources[0] if resources else "the one chatflow that it opens"
    until = "" if when in ("", _bounds((), None)) else f", {when.removeprefix('from anywhere, ')}"
    text = (
        f"They could ask {one}, {most}, all together{until}. They could read nothing and change "
        "nothing."
    )
    return text if resources is None else f"{text} {NOT_PROTECTED}"


def _reads(held: frozenset[str], resources: Sequence[str] | None) -> list[str]:
    names = [noun for scope, noun in _NAMES.items() if scope in held]
    found = [f"the names of {_list(names)}"] if names else []
    if "conversations:view" in held:
        found.insert(0, f"what was said{_with_whom(held, resources)}")
    return found + [words for scope, words in _FACTS.items() if scope in held]


def _with_whom(held: frozenset[str], resources: Sequence[str] | None) -> str:
    if _changes(held):  # it could open others to itself
        return ""
    if not held.issuperset(CALLING) or resources == []:
        return f" with {_opened(resources)}"
    return " with it" if resources and len(resources) == 1 else " with them"


def _changes(held: frozenset[str]) -> list[str]:
    nouns: dict[str, list[str]] = {}  # by their verbs: one that is changed alike is said once
    for resource, noun, verbs in _CHANGES:
        may = [word for verb in verbs if f"{resource}:{verb}" in held for word in verbs[verb]]
        if may:
            nouns.setdefault(_list(may), []).append(noun)
    found = [f"{verbs} {_list(objects)}" for verbs, objects in nouns.items()]
    if "invitations:create" in held:
        found.append("invite editors and viewers")
    if "conversations:delete" in held:
        found.append("delete what was said")
    return found


def _advice(networks: Sequence[str], expires_at: datetime | None) -> str:
    lacking = ([] if expires_at else ["an end"]) + ([] if networks else ["a network"])
    return f" Give it {_list(lacking)}." if lacking else ""


def _reachable(held: frozenset[str], resources: Sequence[str] | None) -> str:
    """Return what a key could ask; empty for nothing.

    A key that may open chatflows could open them to itself.
    """
    if held & OPENING:
        return "every chatflow"
    return "" if resources == [] else _opened(resources)


def _opened(resources: Sequence[str] | None) -> str:
    if not resources:
        return "the chatflows it opens"
    return resources[0] if len(resources) == 1 else f"{len(resources):,} chatflows"


def _bounds(networks: Sequence[str], expires_at: datetime | None) -> str:
    if not networks:
        where = "from anywhere"
    elif len(networks) <= NAMED_NETWORKS:
        where = f"from {_list(networks)} only"
    else:
        where = f"from {len(networks)} networks only"
    if expires_at is None:
        return f"{where}, for as long as the key lives"
    return f"{where}, until {expires_at.day} {expires_at:%B %Y}"


def _weight(scope: str) -> tuple[int, int, str]:
    """Order scopes: calls first, then what changes something, then what only reads."""
    place = _FIRST.index(scope) if scope in _FIRST else len(_FIRST)
    return int(scope.endswith(":view")), place, scope


def _list(words: Sequence[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _series(parts: Sequence[str]) -> str:
    """Join parts that may be lists themselves."""
    *most, last = parts
    return f"{', '.join(most)}, and {last}" if " and " in "".join(most) else _list(parts)
