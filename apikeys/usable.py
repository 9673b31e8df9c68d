"""Usable: the one rule whether a key's text works at a moment, and why not. Pure.

`ApiKeyQuerySet.usable` says the same in SQL; a test compares the two in every state.
"""

from datetime import datetime
from enum import Enum
from typing import NamedTuple, Protocol


class State(Enum):
    """What a credential is. Everything but GOOD and ABSENT looks the same from outside."""

    ABSENT = "absent"
    GOOD = "good"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"
    DISABLED = "disabled"
    TEAM_SUSPENDED = "team_suspended"
    ACCOUNT_DISABLED = "account_disabled"


class Facts(Protocol):
    """What the rule reads of a key and one secret of it. Each moment is None for never."""

    @property
    def is_deleted(self) -> bool: ...
    @property
    def is_team_suspended(self) -> bool: ...
    @property
    def is_disabled(self) -> bool: ...
    @property
    def is_account_disabled(self) -> bool: ...
    @property
    def secret_ends_at(self) -> datetime | None: ...
    @property
    def expires_at(self) -> datetime | None: ...


class KeyFacts(NamedTuple):
    """Facts of a key that was read through its model."""

    is_deleted: bool
    is_team_suspended: bool
    is_disabled: bool
    is_account_disabled: bool
    secret_ends_at: datetime | None
    expires_at: datetime | None


def state(facts: Facts, now: datetime) -> State:
    """The state of a key with a secret at `now`. Of several reasons the first one counts.

    A moment is over as soon as it comes: a key that expires at `now` has expired.
    """
    if facts.is_deleted:
        return State.REVOKED
    if facts.is_team_suspended:
        return State.TEAM_SUSPENDED
    if facts.is_disabled:
        return State.DISABLED
    if facts.is_account_disabled:
        return State.ACCOUNT_DISABLED
    if facts.secret_ends_at is not None and facts.secret_ends_at <= now:
        return State.REVOKED
    if facts.expires_at is not None and facts.expires_at <= now:
        return State.EXPIRED
    return State.GOOD
