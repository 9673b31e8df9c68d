"""Protected resources: what keys open. The app above registers its own at the start."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from accounts.models import Team
from accounts.permissions import Actor
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
    """The first call let in with a key, or its latest refused one."""

    allowed: bool
    status: int
    code: str
    reason_words: str
    at: datetime
    chatflow_name: str
    client_address: str
    duration_ms: int


class Resources(Protocol):
    """What the app above offers to the pages of keys."""

    def of_team(self, team: Team) -> list[Resource]:
        """Every resource of a team, by name."""

    def of_keys(self, keys: Iterable[ApiKey]) -> Mapping[UUID, list[Resource]]:
        """The resources that each key is selected for."""

    def closed_without(self, keys: Iterable[ApiKey]) -> list[Resource]:
        """The resources that nobody could open any more if all these keys were refused."""

    def open(self, key: ApiKey, resource_ids: Sequence[UUID], by: Actor) -> None:
        """Select a key for these resources of its team."""

    def first_call(self, key: ApiKey) -> FirstCall | None:
        """How the key's newest secret was first used, once it was."""

    def calls_since(self, key: ApiKey, days: int) -> int:
        """How many calls the key made in the last days."""

    def snippets(self, resource: Resource) -> Sequence[object]:
        """Code that calls a resource, in several languages."""


_registered: list[Resources] = []


def register(resources: Resources) -> None:
    """Called once by the app above, in its `AppConfig.ready`."""
    _registered[:] = [resources]


def registry() -> Resources:
    """The registered resources."""
    return _registered[0]
