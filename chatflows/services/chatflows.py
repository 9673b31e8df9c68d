"""Chatflows: create, rename and delete them, and set who may call."""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import audit, money
from accounts.bounds import NO_LIMITS, Limits
from accounts.models import Team
from accounts.models.limited import LIMIT_COLUMNS
from accounts.permissions import Actor
from accounts.services import members, versions
from accounts.services.members import NotAllowed
from accounts.services.versions import Stale
from apikeys.models import ApiKey
from apikeys.services import waiting
from chatflows.models import Chatflow, ChatflowType, Selection
from chatflows.permissions import permission_for

NAMED = 100  # keys that one audit row names
BOUNDS = (*LIMIT_COLUMNS, "limit_address", "price", "networks", "origins")
_MONEY = ("limit_budget", "price")
Facts = dict[str, object]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much callers may take of a chatflow, and from where. Money is in nanos."""

    limits: Limits = NO_LIMITS
    limit_address: int | None = None
    price: int | None = None
    networks: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call a chatflow, as the access form says.

    Keys outside `shown` keep their selection; None: all were shown. Bounds that are None stay.
    """

    mode: str
    key_ids: frozenset[UUID]
    allow_key_in_url: bool = False
    shown: frozenset[UUID] | None = None
    bounds: Bounds | None = None


@transaction.atomic
def create(
    team: Team,
    name: str,
    by: Actor,
    *,
    flow_type: ChatflowType = ChatflowType.CHATFLOW,
    id_: UUID | None = None,
) -> Chatflow:
    """Create a chatflow in mode *keys* with DefaultKey selected, and no entries.

    With the id of a chatflow of a lost database, the keys that the key file kept for it open it
    again. Raises ValidationError for a name that is taken, empty or too long.
    """
    known = {"id": id_} if id_ else {}
    chatflow = Chatflow(team=team, name=name.strip(), type=flow_type, **known)
    chatflow.store(force_insert=True)
    woken = waiting.take(team, chatflow.id)
    named = ApiKey.objects.of(team).kept().filter(name=ApiKey.DEFAULT_NAME)
    default = named.selectable_for(chatflow.id)
    Selection.objects.bulk_create(
        Selection(chatflow=chatflow, key=key) for key in {*default, *woken}
    )
    target, after = _target(chatflow), {"name": chatflow.name, **_access_facts(chatflow)}
    audit.record(team.id, "chatflow.create", by, target, after=after)
    if woken:
        names: Facts = {"keys": [key.name for key in woken[:NAMED]], "count": len(woken)}
        audit.record(team.id, "chatflow.wake_keys", by, target, after=names)
    return chatflow


@transaction.atomic
def save_access(chatflow: Chatflow, access: Access, by: Actor, *, version: int) -> None:
    """Set who may call, from the next call on. Ids of other teams' keys select nothing.

    Raises Stale if `version` is no longer the chatflow's, and ValidationError for a key that is
    pinned to another chatflow.
    """
    locked = Chatflow.objects.select_for_update(no_key=True).get(pk=chatflow.pk)
    if locked.version != version:
        raise Stale
    before, after = _apply(locked, access)
    chatflow.refresh_from_db()
    if after != before:
        audit.record(
            locked.team_id,
            "chatflow.set_access",
            by,
            _target(locked),
            before=before,
            after=after,
        )


def differences(chatflow: Chatflow, access: Access) -> tuple[Facts, Facts]:
    """Return the facts of the access as it is saved, and as `access` would make it."""
    with transaction.atomic():
        locked = Chatflow.objects.select_for_update(no_key=True).get(pk=chatflow.pk)
        facts = _apply(locked, access)
        transaction.set_rollback(True)
    return facts


def hold(team: Team, chatflow_ids: Iterable[UUID]) -> None:
    """Lock chatflows of a team in the transaction of the caller, in the order of `choose`.

    Whoever saves an Access page holds its chatflow while waiting for the head of the audit chain.
    """
    wanted = Chatflow.objects.of(team).filter(id__in=list(chatflow_ids)).order_by("name_key")
    list(wanted.select_for_update(no_key=True).values_list("pk"))


@transaction.atomic
def select(key: ApiKey, chatflow_ids: Iterable[UUID], by: Actor) -> None:
    """Select a key for chatflows of its team, beside those that it opens already.

    Raises NotAllowed and ValidationError as `choose` does.
    """
    choose(key, frozenset(chatflow_ids), frozenset(), by)


@transaction.atomic
def select_only(key: ApiKey, chatflow_id: UUID, by: Actor) -> None:
    """Select a key for one chatflow of its team and for no other. Raises as `choose`."""
    selected = frozenset(key.selections.values_list("chatflow_id", flat=True))
    choose(key, {chatflow_id}, selected - {chatflow_id}, by)


@transaction.atomic
def choose(
    key: ApiKey, add: Set[UUID], remove: Set[UUID], by: Actor
) -> tuple[list[str], list[str]]:
    """Select a key for some chatflows of its team, and no longer for others.

    Returns the names of the chatflows that it opens now, and of those that it lost. Raises
    NotAllowed unless the actor may update each of these chatflows, and ValidationError for a key
    that is pinned to another.
    """
    may = members.permissions_of(key.team, by)
    wanted = Chatflow.objects.of(key.team).filter(id__in=add | remove).order_by("name_key")
    added: list[str] = []
    removed: list[str] = []
    for chatflow in wanted.select_for_update(no_key=True):
        if permission_for(chatflow, "update") not in may:
            raise NotAllowed(f"This asks for {permission_for(chatflow, 'update')}.")
        before = _access_facts(chatflow)
        if chatflow.id in add:
            _check_pin(chatflow, [key])
            _, is_changed = Selection.objects.get_or_create(chatflow=chatflow, key=key)
        else:
            is_changed = bool(chatflow.selections.filter(key=key).delete()[0])
        if not is_changed:
            continue
        (added if chatflow.id in add else removed).append(chatflow.name)
        chatflow.version += 1
        chatflow.save(update_fields=["version"])
        audit.record(
            key.team_id,
            "chatflow.set_access",
            by,
            _target(chatflow),
            before=before,
            after=_access_facts(chatflow),
        )
    return added, removed


def version_of_name(chatflow: Chatflow) -> str:
    """Return the version of the name."""
    return versions.of({"name": chatflow.name})


@transaction.atomic
def rename(chatflow: Chatflow, name: str, by: Actor, *, version: str | None = None) -> None:
    """Give a chatflow another name. Its address stays.

    Raises Stale if `version` is an older one, and ValidationError as `create` does.
    """
    locked = Chatflow.objects.select_for_update(no_key=True).get(pk=chatflow.pk)
    before = {"name": locked.name}
    versions.check(version, before)
    chatflow.name = name.strip()
    chatflow.version = locked.version + 1
    chatflow.store(update_fields=["name", "name_key", "version"])
    target, after = _target(chatflow), {"name": chatflow.name}
    audit.record(chatflow.team_id, "chatflow.rename", by, target, before=before, after=after)


@transaction.atomic
def delete(chatflow: Chatflow, by: Actor) -> None:
    """Delete a chatflow. From the next call on its address is unknown. Its call records stay."""
    target = _target(chatflow)
    before = {"name": chatflow.name, **_access_facts(chatflow)}
    team_id = chatflow.team_id
    chatflow.delete()
    audit.record(team_id, "chatflow.delete", by, target, before=before)


def _apply(locked: Chatflow, access: Access) -> tuple[Facts, Facts]:
    """Write an access, and return its facts before and after."""
    added, removed = _changed_keys(locked, access)
    before = _access_facts(locked, removed)
    locked.access_mode = access.mode
    locked.allow_key_in_url = access.allow_key_in_url
    if access.bounds is not None:
        _set_bounds(locked, access.bounds)
    locked.version += 1
    locked.save(update_fields=["access_mode", "allow_key_in_url", "version", *BOUNDS])
    locked.selections.filter(key__in=removed).delete()
    Selection.objects.bulk_create(
        [Selection(chatflow=locked, key=key) for key in added], ignore_conflicts=True
    )
    return before, _access_facts(locked, added)


def _changed_keys(chatflow: Chatflow, access: Access) -> tuple[list[ApiKey], list[ApiKey]]:
    """Return the keys that the access selects anew, and those whose selection it ends."""
    selected = ApiKey.objects.of(chatflow.team).filter(selections__chatflow=chatflow)
    wanted = ApiKey.objects.of(chatflow.team).kept().filter(id__in=access.key_ids)
    added = wanted.exclude(id__in=selected.values("id"))
    _check_pin(chatflow, added.filter(pinned_to__isnull=False))
    dropped = selected if access.shown is None else selected.filter(id__in=access.shown)
    return list(added), list(dropped.exclude(id__in=wanted.values("id")))


def _check_pin(chatflow: Chatflow, keys: Iterable[ApiKey]) -> None:
    for key in keys:
        if key.pinned_to not in (None, chatflow.id):
            raise ValidationError({"keys": f"{key.name} is pinned to another chatflow."})


def _set_bounds(chatflow: Chatflow, bounds: Bounds) -> None:
    chatflow.limits = bounds.limits
    chatflow.limit_address = bounds.limit_address
    chatflow.price = bounds.price
    chatflow.networks = list(bounds.networks)
    chatflow.origins = list(bounds.origins)


def _access_facts(chatflow: Chatflow, changed: Iterable[ApiKey] = ()) -> Facts:
    """Return what the audit trail keeps of an access; of bounds only those that are set.

    Of very many keys only `changed` ones are named.
    """
    bounds = {name: getattr(chatflow, name) for name in BOUNDS}
    for name in _MONEY:
        if bounds[name]:
            bounds[name] = money.written(bounds[name], settings.CURRENCY)
    return {
        "access_mode": str(chatflow.access_mode),
        "keys": _key_names(chatflow, changed),
        "allow_key_in_url": chatflow.allow_key_in_url,
        **{name: bound for name, bound in bounds.items() if bound},
    }


def _key_names(chatflow: Chatflow, changed: Iterable[ApiKey]) -> list[str]:
    selected = ApiKey.objects.kept().filter(selections__chatflow=chatflow)
    count = selected.count()
    if count <= NAMED:
        return sorted(selected.values_list("name", flat=True))
    names = sorted(key.name for key in changed)[:NAMED]
    return [*names, f"and {count - len(names):,} others"]


def _target(chatflow: Chatflow) -> audit.Target:
    return audit.Target("chatflow", str(chatflow.pk), chatflow.name)
