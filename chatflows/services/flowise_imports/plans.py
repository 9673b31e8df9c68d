"""Plans: what an import would bring into a team, decided from what was found and what is here.

Nothing is written. What the page or the command shows before is what is done after.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from accounts.audit import trail
from accounts.models import Team
from accounts.models.names import HIDDEN_KINDS, fold, has_address, is_plain
from accounts.network import origins
from apikeys import adopted
from apikeys.models import ApiKey
from apikeys.services import bounds
from apikeys.services.life import adoption
from chatflows.models import AccessMode, Chatflow
from chatflows.services.flowise_imports.sources import FoundFlow, FoundKey, Source


class Fate(StrEnum):
    """What becomes of something that was found."""

    NEW = "new"
    HERE = "here"  # imported before: it stays as it is
    TAKEN = "taken"  # another team has it, or it was deleted here
    LEFT_OUT = "left_out"


@dataclass(slots=True)
class PlannedKey:
    """A key, and the name that it gets. `here` is the team's key of this text."""

    found: FoundKey
    fate: Fate
    name: str
    notes: list[str] = field(default_factory=list)
    here: ApiKey | None = None
    takes_default: bool = False  # the team's DefaultKey has no secret yet and takes this text


@dataclass(slots=True)
class PlannedFlow:
    """A flow, with its access. `key` is the one that opens it."""

    found: FoundFlow
    fate: Fate
    name: str
    mode: AccessMode = AccessMode.OFF
    key: PlannedKey | None = None
    origins: tuple[str, ...] = ()
    limit_address: int | None = None  # calls a minute
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would do. `left_out` names flows whose row can't be read."""

    keys: tuple[PlannedKey, ...]
    flows: tuple[PlannedFlow, ...]
    left_out: tuple[str, ...] = ()

    def count(self, things: Iterable[PlannedKey | PlannedFlow]) -> Counter[Fate]:
        """Count things by their fate."""
        return Counter(thing.fate for thing in things)


TAKEN = "taken here"
NOT_GENUINE = "its text and its secret do not belong together: it was edited by hand"
ODD_TEXT = "its text is not of the form that Flowise makes"
NO_KEY_HERE = "its key is not among those found, so no key opens it yet"
DANGLING = "its key was deleted in Flowise, so no key opens it yet"
NO_KEY_TAKEN = "its key did not come along, so no key opens it yet"
ORIGINS_UNREAD = "it is off: none of the pages that Flowise lets in can be read"
SETTINGS_UNREAD = "it is off: its {} can't be read, and may name the pages that Flowise lets in"
LIMIT_WITHOUT_KEY = (
    "its limit for one address counts callers without a secret key; give the key limits of its own"
)
Progress = Callable[[int, int], None]


def make(
    team: Team, source: Source, when_open: AccessMode, progress: Progress = lambda done, of: None
) -> Plan:
    """Plan an import. `when_open` is the mode of flows for which Flowise asks no key.

    `progress` is told how many of how many keys were looked at: that takes 50 ms for each. Raises
    Unavailable without the key ring.
    """
    keys = tuple(_keys(team, source.keys, progress))
    by_id = {id_: key for key in keys for id_ in key.found.ids}
    flows = _flows(team, source, by_id, when_open)
    return Plan(keys, tuple(flows), source.left_out)


def _keys(team: Team, found: tuple[FoundKey, ...], progress: Progress) -> Iterable[PlannedKey]:
    held = adoption.held(team, [key.text for key in found if adopted.has_shape(key.text)])
    kept = ApiKey.objects.of(team).kept()
    names = set(kept.values_list("name_key", flat=True))
    default = kept.filter(name=ApiKey.DEFAULT_NAME).first()
    is_default_free = default is not None and default.secret is None
    for number, key in enumerate(found, 1):
        planned = _key(key, held)
        if planned.fate is Fate.NEW:
            is_default = fold(planned.name) == fold(ApiKey.DEFAULT_NAME)
            if is_default and is_default_free:
                planned.takes_default, is_default_free = True, False
            else:
                _give_name(planned, names, f"{planned.name} (Flowise)", ApiKey)
        progress(number, len(found))
        yield planned


def _key(key: FoundKey, held: dict[str, ApiKey | None]) -> PlannedKey:
    name = _plain(key.name, "Key of Flowise")
    if not adopted.has_shape(key.text):
        return PlannedKey(key, Fate.LEFT_OUT, name, [ODD_TEXT])
    if key.text in held:
        here = held[key.text]
        if here is None:
            return PlannedKey(key, Fate.TAKEN, name, [TAKEN])
        return PlannedKey(key, Fate.HERE, here.name, here=here)
    if not adopted.is_genuine(key.text, key.api_secret):
        return PlannedKey(key, Fate.LEFT_OUT, name, [NOT_GENUINE])
    return PlannedKey(key, Fate.NEW, name)


def _flows(
    team: Team, source: Source, keys: dict[str, PlannedKey], when_open: AccessMode
) -> Iterable[PlannedFlow]:
    ids = [flow.id for flow in source.flows]
    owners = _owners(ids)
    deleted = trail.deleted("chatflow", ids)
    names = set(Chatflow.objects.of(team).values_list("name_key", flat=True))
    for flow in source.flows:
        name = _plain(flow.name, f"Flow {str(flow.id)[:8]}")
        planned = PlannedFlow(flow, Fate.NEW, name)
        if flow.id in owners:
            planned.fate = Fate.HERE if owners[flow.id] == team.id else Fate.TAKEN
        elif flow.id in deleted:
            planned.fate = Fate.TAKEN
        if planned.fate is Fate.TAKEN:
            planned.notes = [TAKEN]
        if planned.fate is Fate.NEW:
            _give_name(planned, names, planned.name, Chatflow)
            _set_access(planned, source, keys, when_open)
        yield planned


def _owners(ids: list[UUID]) -> dict[UUID, UUID]:
    found: dict[UUID, UUID] = {}
    for start in range(0, len(ids), 500):
        here = Chatflow.objects.filter(pk__in=ids[start : start + 500])
        found |= dict(here.values_list("pk", "team_id"))
    return found


def _set_access(
    planned: PlannedFlow, source: Source, keys: dict[str, PlannedKey], when_open: AccessMode
) -> None:
    """Set who may call: nothing that could not be read opens a flow."""
    flow = planned.found
    if not flow.key_id:
        planned.mode = when_open
    else:
        planned.mode = AccessMode.KEYS
        key = keys.get(flow.key_id)
        if key is not None and key.fate in (Fate.NEW, Fate.HERE):
            planned.key = key
        elif key is not None:
            planned.notes.append(NO_KEY_TAKEN)
        else:
            planned.notes.append(DANGLING if source.has_keys else NO_KEY_HERE)
    _set_origins(planned)
    if flow.address_limit is not None:
        most, seconds = flow.address_limit
        planned.limit_address = max(1, most * 60 // seconds)
        if most * 60 != planned.limit_address * seconds:
            planned.notes.append(
                f"{most} calls of one address in {seconds} seconds became "
                f"{planned.limit_address} a minute"
            )
        if planned.mode is AccessMode.KEYS:
            planned.notes.append(LIMIT_WITHOUT_KEY)
    if planned.mode is AccessMode.PUBLIC and planned.limit_address is None:
        planned.notes.append("it has no limit for one address: set one on its Access page")
    if "rateLimit" in flow.unread or "apiConfig" in flow.unread:
        planned.notes.append("its limit can't be read and was left out")


def _set_origins(planned: PlannedFlow) -> None:
    flow = planned.found
    read, unread = [], []
    for text in flow.origins:
        try:
            read.append(origins.origin(text.strip().rstrip("/")))
        except ValueError:
            unread.append(text[:60])
    planned.origins = tuple(dict.fromkeys(read))[: bounds.MAX_PLACES]
    if "chatbotConfig" in flow.unread:
        planned.mode = AccessMode.OFF
        planned.notes.append(SETTINGS_UNREAD.format("chatbotConfig"))
    elif unread and not read:
        planned.mode = AccessMode.OFF
        planned.notes.append(ORIGINS_UNREAD)
    elif unread:
        planned.notes.append(f"pages that were left out: {', '.join(unread)}")
    if len(set(read)) > bounds.MAX_PLACES:
        planned.notes.append(f"of its pages the first {bounds.MAX_PLACES} came along")


def _plain(name: str, otherwise: str) -> str:
    """Return a name that may stand in a team, or `otherwise`: one visible line, no address."""
    visible = "".join(" " if unicodedata.category(c) in HIDDEN_KINDS else c for c in name)
    plain = " ".join(visible.split())
    return plain if is_plain(plain) and not has_address(plain) else otherwise


def _give_name(
    planned: PlannedKey | PlannedFlow,
    names: set[str],
    second: str,
    model: type[ApiKey] | type[Chatflow],
) -> None:
    """Cut a long name, and number one that is taken; note it."""
    most = model._meta.get_field("name").max_length or 0
    wanted, number = planned.name, 1
    name = _cut(wanted, most)
    while fold(name) in names:
        number += 1
        tail = f" ({number})"
        name = second if number == 2 and second != wanted else _cut(wanted, most - len(tail)) + tail
    names.add(fold(name))
    if name != wanted:
        planned.notes.append(f"it is named “{name}” here")
    planned.name = name


def _cut(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"
