"""Credentials: judge a presented key text against its stored row. Pure."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from accounts.bounds import NO_LIMITS, Limits
from accounts.crypto import digests
from accounts.crypto.keyring import KeyRing
from accounts.crypto.ring import installed
from accounts.network.addresses import Network
from accounts.outages import Unavailable
from apikeys import adopted, bearer, key_text, usable
from apikeys.bearer import Carrier, Presented
from apikeys.usable import State

__all__ = [
    "ABSENT",
    "Credential",
    "Proof",
    "State",
    "StoredSecret",
    "judge",
    "of_stored",
    "present",
    "read",
]


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
    pinned_to: UUID | None = None
    networks: tuple[Network, ...] = ()
    origins: tuple[str, ...] = ()
    limits: Limits = NO_LIMITS


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

    @property
    def is_everyones(self) -> bool:
        """Whether everyone can send it: no secret key proved to be right."""
        return self.key_id is None or self.is_publishable


ABSENT = Credential(Carrier.NONE, State.ABSENT)


class Proof(NamedTuple):
    """What is kept of a well-formed key text: its id, and its digest under each pepper.

    `digests` is empty if the key ring can't be read, and so may be the id of an adopted key.
    """

    public_id: str
    digests: tuple[tuple[int, str], ...]


def read(presented: Presented) -> Proof | None:
    """Return the proof of a presented text, or None if the text can't be a key."""
    text = presented.text
    if text is None:
        return None
    key = key_text.parse(text)
    if key is None and not adopted.has_shape(text):
        return None
    try:
        public_id = key.public_id if key is not None else adopted.public_id(text)
        return Proof(public_id, digests.pepper_digests(text))
    except Unavailable:
        return Proof(key.public_id if key is not None else "", ())


def present(headers: Sequence[tuple[bytes, bytes]], query: bytes) -> tuple[Carrier, Proof | None]:
    """Return where the credential of a request stands, and its proof if it can be a key."""
    values = [value for name, value in headers if name == b"authorization"]
    if len(values) == 1 and not query:
        return _of_header(values[0])
    return _of(bearer.extract(headers, query))


# Reading a header is a pure function of it and of the ring, so what came out may be kept: nothing
# of it says whether the key is good, and no text of a key is in it.
MAX_KEPT = 4096  # headers
_kept: dict[bytes, tuple[Carrier, Proof | None]] = {}
_kept_under: list[KeyRing | None] = [None]  # the ring, while it is the same object


def _of_header(value: bytes) -> tuple[Carrier, Proof | None]:
    try:
        ring = installed()
    except Unavailable:  # what is read now holds no digest: it is not kept
        return _of(bearer.extract([(b"authorization", value)], b""))
    if _kept_under[0] is not ring:
        _kept.clear()
        _kept_under[0] = ring
    name = hashlib.sha256(value).digest()
    found = _kept.get(name)
    if found is None:
        if len(_kept) >= MAX_KEPT:
            _kept.clear()
        found = _kept[name] = _of(bearer.extract([(b"authorization", value)], b""))
    return found


def _of(presented: Presented) -> tuple[Carrier, Proof | None]:
    return presented.carrier, read(presented)


def judge(
    carrier: Carrier, proof: Proof | None, stored: StoredSecret | None, now: datetime
) -> Credential:
    """Judge a presented credential at the moment `now`.

    Known and unknown ids cost the same: their digests were made before. Raises Unavailable if the
    key ring lacks the pepper of the stored digest.
    """
    if carrier is Carrier.NONE:
        return ABSENT
    if proof is None:
        return Credential(carrier, State.MALFORMED)
    if not proof.digests:
        raise Unavailable("key ring")
    if stored is None:
        return Credential(carrier, State.UNKNOWN)
    if not hmac.compare_digest(_digest_under(stored.pepper_version, proof), stored.digest):
        return Credential(carrier, State.UNKNOWN)
    return of_stored(carrier, stored, now)


def of_stored(carrier: Carrier, stored: StoredSecret, now: datetime) -> Credential:
    """Return the credential of a text that proved to be right, with its state at `now`."""
    return Credential(
        carrier=carrier,
        state=usable.state(stored, now),
        team_id=stored.team_id,
        key_id=stored.key_id,
        key_name=stored.key_name,
        public_id=stored.public_id,
        scopes=stored.scopes,
        networks=stored.networks,
        origins=stored.origins,
        pinned_chatflow_id=stored.pinned_to,
    )


def _digest_under(version: int, proof: Proof) -> str:
    for held, digest in proof.digests:
        if held == version:
            return digest
    raise Unavailable(f"pepper version {version}")
