"""Held keys: the keys of service accounts. The app above registers what knows them."""

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
class ClosingResource:
    """A resource that nobody could open without the keys of an account."""

    name: str
    url: str


class HeldKeys(Protocol):
    """What the app above offers to the pages of service accounts."""

    def of_accounts(self, accounts: Iterable[ServiceAccount]) -> Mapping[UUID, list[HeldKey]]:
        """Return the keys of each account that are not deleted, by name."""

    def counts(self, accounts: Iterable[ServiceAccount]) -> Mapping[UUID, tuple[int, str]]:
        """Return how many keys each account has, and one's name. One without any is missing."""

    def closing_without(self, account: ServiceAccount) -> Sequence[ClosingResource]:
        """Return the resources that nobody can open once the account's keys are refused."""

    def delete_all(self, account: ServiceAccount, by: Actor) -> None:
        """Delete every key of the account, in the transaction of the caller."""


_registered: list[HeldKeys] = []


def register(keys: HeldKeys) -> None:
    """Set the registry. The app above calls it once, in its `AppConfig.ready`."""
    _registered[:] = [keys]


def registry() -> HeldKeys:
    """Return what the app above registered."""
    return _registered[0]
