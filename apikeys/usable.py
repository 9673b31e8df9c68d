"""The one rule whether a key's text works at a moment, and why not. Pure.

`ApiKeyQuerySet.usable` is its twin in SQL. A test compares the two in every state.
"""

from datetime import datetime
from enum import Enum
from typing import NamedTuple, Protocol


class State(Enum):
    """The state of a credential. To callers everything but GOOD and ABSENT looks the same."""

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
    """What the rule reads of a key and one of its secrets. A moment that is None never comes."""

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
    """The facts of a key that was read through its model."""

    is_deleted: bool
    is_team_suspended: bool
    is_disabled: bool
    is_account_disabled: bool
    secret_ends_at: datetime | None
    expires_at: datetime | None


def state(facts: Facts, now: datetime) -> State:
    """Return the state of a key with a secret at `now`. Of several reasons the first one counts.

    A moment has passed as soon as it comes: a key that expires at `now` has expired.
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
