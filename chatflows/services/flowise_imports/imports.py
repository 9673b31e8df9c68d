"""Imports: do what a plan says."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import Team
from accounts.permissions import Actor
from apikeys.models import ApiKey
from apikeys.services import keys
from apikeys.services.life import adoption
from chatflows.engines import kinds
from chatflows.engines.configs import InvalidConfig
from chatflows.models import AccessMode, Chatflow
from chatflows.services import chatflows, engines
from chatflows.services.chatflows import Access, Bounds
from chatflows.services.flowise_imports.plans import Fate, Plan, PlannedFlow, PlannedKey
from chatflows.services.flowise_imports.sources import Unreadable

AT_ONCE = 25  # in one transaction: other changes of the team wait as long
Progress = Callable[[str, int, int], None]
Planned = TypeVar("Planned", PlannedKey, PlannedFlow)


@dataclass(frozen=True, slots=True)
class Way:
    """How an import is done: into which team, by whom, and where that Flowise answers."""

    team: Team
    by: Actor
    upstream: str


def carry_out(plan: Plan, way: Way, progress: Progress = lambda what, done, of: None) -> None:
    """Bring what is new, keys first. Each portion is whole; whoever is stopped goes on with a run.

    Raises Unreadable before the first change if an engine may not ask `upstream`. What somebody
    else took since the plan was made gets the fate that it has now.
    """
    fresh = [flow for flow in plan.flows if flow.fate is Fate.NEW]
    if fresh:
        check_upstream(way.upstream)
    for done, new_keys, of in _portions([key for key in plan.keys if key.fate is Fate.NEW]):
        with transaction.atomic():
            for key in new_keys:
                _bring_key(key, way)
        progress("keys", done, of)
    for done, flows, of in _portions(fresh):
        checked = [_engine_of(flow, way) for flow in flows]  # names are looked up: no lock yet
        with transaction.atomic():
            for flow, engine in zip(flows, checked, strict=True):
                _bring_flow(flow, engine, way)
        progress("chatflows", done, of)


def check_upstream(url: str) -> None:
    """Refuse an address that engines may not ask. Raises Unreadable with a sentence."""
    try:
        kinds.chosen("flowise").check({"base_url": url, "flow_id": str(UUID(int=0))})
    except InvalidConfig as error:
        raise Unreadable(f"--upstream: {' '.join(error.errors.values())}") from None


def _portions(things: Sequence[Planned]) -> Iterator[tuple[int, Sequence[Planned], int]]:
    for start in range(0, len(things), AT_ONCE):
        portion = things[start : start + AT_ONCE]
        yield start + len(portion), portion, len(things)


def _bring_key(planned: PlannedKey, way: Way) -> None:
    try:
        with transaction.atomic():
            if planned.takes_default:
                key = ApiKey.objects.of(way.team).kept().get(name=ApiKey.DEFAULT_NAME)
            else:
                key = keys.create(way.team, planned.name, way.by)
            adoption.adopt(key, planned.found.text, way.by)
    except (adoption.Taken, keys.AlreadyIssued, ApiKey.DoesNotExist, ValidationError) as error:
        planned.fate = Fate.TAKEN if isinstance(error, adoption.Taken) else Fate.LEFT_OUT
        planned.notes = [_words(error)]
    else:
        planned.here = key


def _engine_of(flow: PlannedFlow, way: Way) -> engines.Checked:
    """Return the engine that asks the flow, with its own key where Flowise has one for it."""
    config = {"base_url": way.upstream, "flow_id": str(flow.found.id)}
    secret = flow.key.found.text if flow.key is not None else ""
    return engines.check("flowise", config, secret)


def _bring_flow(planned: PlannedFlow, engine: engines.Checked, way: Way) -> None:
    try:
        with transaction.atomic():
            found = planned.found
            flow = chatflows.create(
                way.team, planned.name, way.by, flow_type=found.type, id_=found.id
            )
            engines.store(flow, engine, way.by)
            _open(flow, planned, way)
    except ValidationError as error:
        planned.fate, planned.notes = Fate.LEFT_OUT, [_words(error)]


def _open(flow: Chatflow, planned: PlannedFlow, way: Way) -> None:
    """Set who may call, in place of what a new chatflow has: DefaultKey opens it if that is said.

    Keys that waited for this id stay selected (see `chatflows.create`).
    """
    named = ApiKey.objects.of(way.team).kept().filter(name=ApiKey.DEFAULT_NAME)
    default = frozenset(named.values_list("pk", flat=True))
    mine = planned.key.here if planned.key else None
    was_open = not planned.found.key_id and planned.mode is AccessMode.KEYS
    wanted = {mine.pk} if mine is not None else set(default if was_open else ())
    bounds = Bounds(limit_address=planned.limit_address, origins=planned.origins)
    access = Access(
        planned.mode,
        frozenset(wanted),
        shown=default | frozenset(wanted),
        bounds=bounds,
    )
    chatflows.save_access(flow, access, way.by, version=flow.version)


def _words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return " ".join(error.messages)
    return "taken here" if isinstance(error, adoption.Taken) else "DefaultKey has a secret by now"
