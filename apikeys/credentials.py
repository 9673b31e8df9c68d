"""Credentials: judge a presented key text against its stored row. Pure."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from accounts.crypto import digests
from accounts.network.addresses import Network
from apikeys import key_text, usable
from apikeys.bearer import Carrier, Presented
from apikeys.key_text import KeyText
from apikeys.usable import State

__all__ = ["ABSENT", "Credential", "State", "StoredSecret", "judge", "read"]


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A stored key secret, with everything of its key and team that a decision needs."""

    digest: str
    pepper_version: int
    secret_ends_at: datetime | None
    key_id: UUID
    key_name: str
    public_id: str
    team_id: UUID
    scopes: frozenset[str]
    expires_at: datetime | None
    is_disabled: bool
    is_deleted: bool
    is_team_suspended: bool
    is_account_disabled: bool


class Credential(NamedTuple):
    """A judged credential. `key_*` and `team_id` are set only if the text proved to be right."""

    carrier: Carrier
    state: State
    team_id: UUID | None = None
    key_id: UUID | None = None
    key_name: str = ""
    public_id: str = ""
    scopes: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    origins: tuple[str, ...] = ()
    pinned_chatflow_id: UUID | None = None  # set for a publishable key, and only for one

    @property
    def is_publishable(self) -> bool:
        """Whether this is a key for browsers, pinned to one chatflow."""
        return self.pinned_chatflow_id is not None


ABSENT = Credential(Carrier.NONE, State.ABSENT)


def read(presented: Presented) -> KeyText | None:
    """Return the key text to look up, or None if the text can't be one."""
    return key_text.parse(presented.text) if presented.text is not None else None


def judge(
    presented: Presented, key: KeyText | None, stored: StoredSecret | None, now: datetime
) -> Credential:
    """Judge a presented credential at the moment `now`.

    Known and unknown ids cost the same one HMAC. Raises Unavailable if the key ring lacks the
    pepper of the stored digest.
    """
    if presented.carrier is Carrier.NONE:
        return ABSENT
    if key is None:
        return Credential(presented.carrier, State.MALFORMED)
    _, digest = digests.pepper_digest(key.text, stored.pepper_version if stored else None)
    if stored is None or not hmac.compare_digest(digest, stored.digest):
        return Credential(presented.carrier, State.UNKNOWN)
    return Credential(
        carrier=presented.carrier,
        state=usable.state(stored, now),
        team_id=stored.team_id,
        key_id=stored.key_id,
        key_name=stored.key_name,
        public_id=stored.public_id,
        scopes=stored.scopes,
    )
