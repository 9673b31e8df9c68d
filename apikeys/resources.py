"""Protected resources: what keys open. The app above registers what knows them."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from accounts.models import Team
from accounts.permissions import Actor
from apikeys.credentials import Credential
from apikeys.models import ApiKey


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that keys open: a chatflow, as the pages of keys see it."""

    id: UUID
    name: str
    url: str
    mode: str
    would_close: bool = False  # no other usable key opens it


@dataclass(frozen=True, slots=True)
class FirstCall:
    """The first call that was let in with a key, or else its latest refused one."""

    allowed: bool
    status: int
    code: str
    reason_words: str
    at: datetime
    chatflow_name: str
    client_address: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Day:
    """The calls of one day (UTC) with a key."""

    day: date
    let_in: int
    refused: int


@dataclass(frozen=True, slots=True)
class SecretUse:
    """How one secret of a key was used lately. `last_at` is None if no call was let in with it."""

    let_in: int
    refused: int
    last_at: datetime | None
    last_address: str = ""
    last_client: str = ""


@dataclass(frozen=True, slots=True)
class SeenOrigin:
    """Calls with a key from web pages of one origin, lately."""

    origin: str
    let_in: int
    refused: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """What a key or a chatflow took of its limits so far, with what running calls reserved."""

    minute: int  # in the last 60 seconds, where that is limited
    streams: int  # now, in this process
    day: int
    month: int
    tokens: int  # this month
    cost: int  # this month, in nanos
    reserved_tokens: int  # of these, what running calls may still take
    reserved_cost: int


class Change(NamedTuple):
    """The names of the resources that a key was selected for, and of those that it lost."""

    added: Sequence[str]
    removed: Sequence[str]


@dataclass(frozen=True, slots=True)
class Choice:
    """A resource that a key can be selected for."""

    resource: Resource
    is_selected: bool
    calls_today: int = 0  # let in with the key


@dataclass(frozen=True, slots=True)
class Choices:
    """Some of the resources that a key can be selected for.

    `selected_names` and `total` are of all resources of the team, whatever was searched.
    """

    selected: Sequence[Choice]
    others: Sequence[Choice]
    selected_names: Sequence[str]
    total: int
    has_more: bool  # whether more resources fit than stand here


class Opened(NamedTuple):
    """How many resources a key is selected for, and the first one's name."""

    number: int
    first: str


class Named(NamedTuple):
    """The first resources of a key by name, as ids and names, and how many it opens."""

    first: list[tuple[UUID, str]]
    number: int


class Resources(Protocol):
    """What the app above offers to the pages of keys."""

    def first(self, team: Team, count: int, find: str = "") -> list[Resource]:
        """Return the first resources of a team, by name, that have `find` in their names."""

    def by_ids(self, team: Team, ids: Sequence[UUID]) -> list[Resource]:
        """Return those of these resources that the team has, by name."""

    def of_keys(self, keys: Iterable[ApiKey]) -> Mapping[UUID, list[Resource]]:
        """Return the resources that each key is selected for."""

    def named(self, keys: Iterable[ApiKey], most: int | None) -> Mapping[UUID, Named]:
        """Return what each key opens, at most so many of each. One that opens none is missing."""

    def opened_by(self, keys: Iterable[ApiKey]) -> Mapping[UUID, Opened]:
        """Return how many resources each key is selected for. One that opens none is missing."""

    def keys_opening(self, team: Team, find: str, count: int) -> Iterable[UUID]:
        """Return at most `count` ids of keys that open a resource with `find` in its name."""

    def opened_ids(self, key_ids: Sequence[UUID]) -> Iterable[tuple[UUID, UUID]]:
        """Return a pair of ids, key and resource, for each resource that one of the keys opens."""

    def closed_without(self, keys: Iterable[ApiKey]) -> list[Resource]:
        """Return the resources that nobody could open if all these keys were refused."""

    def hold(self, team: Team, resource_ids: Sequence[UUID]) -> None:
        """Lock these resources of a team, in the transaction of the caller.

        For a change that writes an audit row before it opens them.
        """

    def open(self, key: ApiKey, resource_ids: Sequence[UUID], by: Actor) -> None:
        """Select a key for these resources of its team. Raises as `open_only`."""

    def open_only(self, key: ApiKey, resource_id: UUID, by: Actor) -> None:
        """Select a key for one resource of its team and for no other.

        Raises ValidationError for a key that is pinned to another.
        """

    def choices(self, key: ApiKey, find: str, count: int) -> Choices:
        """Return at most `count` selected and `count` other resources whose name has `find`."""

    def choose(self, key: ApiKey, add: Set[UUID], remove: Set[UUID], by: Actor) -> Change:
        """Select the key for some resources of its team, and no longer for others.

        Returns the names of those that changed. Ids of other teams change nothing.
        """

    def first_call(self, key: ApiKey) -> FirstCall | None:
        """Return the first call with the key's newest secret, or None if there was none."""

    def calls_since(self, key: ApiKey, days: int) -> int:
        """Return how many calls the key made in the last days."""

    def calls_of_team(self, team: Team, days: int) -> int:
        """Return how many calls came to a team in the last days, with a key or without."""

    def days(self, keys: Iterable[ApiKey], days: int) -> Mapping[UUID, Sequence[Day]]:
        """Return the calls of each key in the last days, every day once, the oldest first."""

    def uses_of_secrets(self, key: ApiKey, days: int) -> Mapping[str, SecretUse]:
        """Return how the key's secrets were used in the last days, by their public ids."""

    def hours_of_secrets(self, key: ApiKey, hours: int) -> Mapping[str, Sequence[int]]:
        """Return the calls let in with each secret, by its public id: one number for each of the
        last hours, the oldest first. A secret without any is missing."""

    def last_uses(self, key: ApiKey) -> Mapping[str, datetime]:
        """Return when a call was last let in with each secret; one without any is missing."""

    def seen_origins(self, key: ApiKey, days: int) -> Sequence[SeenOrigin]:
        """Return the origins that calls with the key came from, the most frequent first."""

    def origins_of_keys(
        self, keys: Iterable[ApiKey], days: int
    ) -> Mapping[UUID, Sequence[SeenOrigin]]:
        """Return the origins that calls with each key came from, as `seen_origins`."""

    def last_calls(self, key: ApiKey, count: int) -> Sequence[Any]:
        """Return the key's newest calls, with `chatflow_name` for pages."""

    def taken(self, key: ApiKey) -> Taken:
        """Return what the key took of its limits so far."""

    def advice(self, code: str) -> str:
        """Return what a caller can do about a refusal with this code."""

    def is_within_bounds(
        self, credential: Credential, origins: tuple[str, ...], address: str
    ) -> bool:
        """Whether a key is good and comes from where it may, by the rule of the gate."""

    def snippets(self, resource: Resource) -> Sequence[object]:
        """Return code that calls a resource, in several languages."""

    def page_snippets(self, resource: Resource, key_text: str) -> Sequence[object]:
        """Return code that calls a resource from a web page, with a publishable key's text."""


_registered: list[Resources] = []


def register(resources: Resources) -> None:
    """Set the registry. The app above calls it once, in its `AppConfig.ready`."""
    _registered[:] = [resources]


def registry() -> Resources:
    """Return what the app above registered."""
    return _registered[0]
