"""Held keys: the keys of service accounts and of people. The app above registers what knows them.

The sheet of a person says which keys of a team they made, know the text of or look after, so that
whoever removes them can say what becomes of each.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from django.utils import timezone

from accounts.models import Environment, ServiceAccount, Team, User
from accounts.permissions import Actor, Permission


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key as the pages of service accounts and of people see it."""

    name: str
    url: str
    is_usable: bool
    status_words: str
    status_tone: str
    hint_parts: tuple[str, str, str]
    last_used_at: datetime | None
    lives_in: Environment
    calls: int | None = None  # of 14 days, where the page asks for it

    @property
    def badge(self) -> tuple[str, str]:
        """The words of the status, and the colour family of their badge."""
        return self.status_words, self.status_tone


@dataclass(frozen=True, slots=True)
class ClosingResource:
    """A resource that nobody could open without the keys of an account."""

    name: str
    url: str


USUAL_OVERLAP = timedelta(hours=24)


class Way(StrEnum):
    """What becomes of a key or a service account of someone who leaves."""

    ADVISED = "advised"  # of many at once: rotate the texts that the person knows, keep the others
    KEEP = "keep"
    GIVE = "give"
    ROTATE = "rotate"
    REVOKE = "revoke"


class Knowing(StrEnum):
    """Whether a person knows a text of a key that works."""

    SEEN = "seen"  # it was shown to them
    UNNOTED = "unnoted"  # they made the key, and nobody noted who saw the text
    PUBLIC = "public"  # everybody can: it lies in web pages
    UNSEEN = "unseen"
    NONE = "none"  # there is no text


@dataclass(frozen=True, slots=True)
class SheetKey:
    """A key on the sheet of a person."""

    id: UUID
    key: HeldKey
    knowing: Knowing
    shown_at: datetime | None  # when the text was made that the person knows
    known_until: datetime | None  # when all texts end that the person knows, if they all do
    maker: str  # who made the key, if it was someone else
    is_contact: bool
    account: str  # the name of its service account, or empty
    opens: int  # resources
    closing: Sequence[str]  # names of the resources that no other key opens

    @property
    def is_known(self) -> bool:
        """Whether the person could go on calling with it."""
        return self.knowing in (Knowing.SEEN, Knowing.UNNOTED)

    @property
    def advised(self) -> Way:
        """What is chosen for it before anybody chooses."""
        ends_soon = self.known_until and self.known_until <= timezone.now() + USUAL_OVERLAP
        return Way.ROTATE if self.is_known and not ends_soon else Way.KEEP


@dataclass(frozen=True, slots=True)
class SheetSize:
    """How many keys are on a person's sheet, and how many of them have a text that they know."""

    total: int = 0
    known: int = 0


@dataclass(frozen=True, slots=True)
class Sheet:
    """The keys that a person created, knows or looks after. In detail those that were used last."""

    keys: Sequence[SheetKey]
    size: SheetSize
    longest_overlap: timedelta = timedelta()  # that the team's key policy allows

    @property
    def others(self) -> SheetSize:
        """What is not in detail."""
        known = sum(key.is_known for key in self.keys)
        return SheetSize(self.size.total - len(self.keys), self.size.known - known)


@dataclass(frozen=True, slots=True)
class Choice:
    """What becomes of one thing. `to` is the member who looks after what is given."""

    way: Way
    to: User | None = None


@dataclass(frozen=True, slots=True)
class Choices:
    """What somebody chose on a sheet that was drawn at a moment. What came later is left alone."""

    drawn_at: datetime
    keys: Mapping[UUID, Choice] = field(default_factory=dict)
    others: Choice | None = None  # for the keys that were not in detail
    accounts: Mapping[UUID, Choice] = field(default_factory=dict)
    overlap: timedelta = timedelta()  # how long a text goes on working that is rotated
    when_silent: bool = False  # it ends before, once it is silent

    @property
    def ways(self) -> set[Way]:
        """Every way that was chosen for a key or an account."""
        others = [self.others] if self.others else []
        every = [*self.keys.values(), *others, *self.accounts.values()]
        return {choice.way for choice in every}


@dataclass(frozen=True, slots=True)
class Named:
    """A key as a message names it."""

    name: str
    url: str


@dataclass(slots=True)
class Outcome:
    """What was done to the keys of a sheet. Keys that nobody chose for are never changed."""

    asked: set[UUID] = field(default_factory=set)  # every key that was on the sheet
    ends_at: datetime | None = None  # when the texts end that were rotated
    rotated: list[Named] = field(default_factory=list)
    revoked: list[Named] = field(default_factory=list)
    given: list[Named] = field(default_factory=list)
    kept_known: list[Named] = field(default_factory=list)  # the person can go on calling
    came_later: list[Named] = field(default_factory=list)  # a key or a text newer than the sheet


class UnknownChoice(Exception):
    """Something was chosen for a key or an account that the team does not have."""


class HeldKeys(Protocol):
    """What the app above offers to the pages of service accounts and of people."""

    def permissions_of(self, team: Team, key_id: str) -> frozenset[Permission]:
        """Return the scopes of a key of the team while it works, none of any other."""

    def of_accounts(self, accounts: Iterable[ServiceAccount]) -> Mapping[UUID, list[HeldKey]]:
        """Return the keys of each account that are not deleted, by name."""

    def of_account(self, account: ServiceAccount) -> list[HeldKey]:
        """Return the keys of one account with their calls of 14 days, by name."""

    def stopping(self, team: Team, days: int) -> tuple[int, int]:
        """Return how many keys of a team work, and the calls of the last days to the team."""

    def counts(self, accounts: Iterable[ServiceAccount]) -> Mapping[UUID, tuple[int, str]]:
        """Return how many keys each account has, and one's name. One without any is missing."""

    def closing_without(self, account: ServiceAccount) -> Sequence[ClosingResource]:
        """Return the resources that nobody can open once the account's keys are refused."""

    def waking_scopes(self, account: ServiceAccount) -> frozenset[str]:
        """Return every scope of the keys that work again once the account is enabled."""

    def delete_all(self, account: ServiceAccount, by: Actor) -> None:
        """Delete every key of the account, in the transaction of the caller."""

    def sheet_size(self, team: Team, user: User) -> SheetSize:
        """Return how many keys of a team a person created, knows or looks after."""

    def sheet(self, team: Team, user: User) -> Sheet:
        """Return the keys of a team that a person created, knows or looks after."""

    def carry_out(self, team: Team, user: User, choices: Choices, by: Actor) -> Outcome:
        """Do what was chosen on a person's sheet, in the transaction of the caller.

        It locks every key before it records anything. Raises UnknownChoice.
        """

    def known(self, team: Team, user: User) -> Mapping[UUID, Named]:
        """Return the keys of a team with a text that a person knows."""


_registered: list[HeldKeys] = []


def register(keys: HeldKeys) -> None:
    """Set the registry. The app above calls it once, in its `AppConfig.ready`."""
    _registered[:] = [keys]


def registry() -> HeldKeys:
    """Return what the app above registered."""
    return _registered[0]
