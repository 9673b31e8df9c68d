"""Held keys: the keys of service accounts, told by the app above (which registers itself)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from accounts.models import ServiceAccount
from accounts.permissions import Actor


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key as the pages of service accounts see it."""

    name: str
    is_usable: bool
    status_words: str
    status_tone: str
    hint_parts: tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Closing:
    """A resource that nobody could open without the keys of an account."""

    name: str
    url: str


class HeldKeys(Protocol):
    """What the app above offers to the pages of service accounts."""

    def of_accounts(self, accounts: Iterable[ServiceAccount]) -> Mapping[UUID, list[HeldKey]]:
        """The keys of each account that are not deleted, by name."""

    def closing_without(self, account: ServiceAccount) -> Sequence[Closing]:
        """The resources that are closed to everyone if the account's keys are refused."""

    def delete_all(self, account: ServiceAccount, by: Actor) -> None:
        """Delete every key of the account, in the transaction of the caller."""


_registered: list[HeldKeys] = []


def register(keys: HeldKeys) -> None:
    """Called once by the app above, in its `AppConfig.ready`."""
    _registered[:] = [keys]


def registry() -> HeldKeys:
    """The registered keys."""
    return _registered[0]
