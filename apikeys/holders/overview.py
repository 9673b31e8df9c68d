"""The overview of a key for whoever holds its text, on the holder's page and in the API.

It tells nothing of the team beyond the key. A chatflow that the key does not open has no name here,
only the id that its caller sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.bounds import Limits
from apikeys import found, key_text, meters, resources
from apikeys.meters import Meter
from apikeys.models import ApiKey, KeySecret
from apikeys.resources import Resource, Taken

LAST_CALLS = 20


@dataclass(frozen=True, slots=True)
class HolderCall:
    """One of the last calls with the key. `chatflow` is a name if `is_named`, or else an id."""

    at: datetime
    chatflow: str
    allowed: bool
    status: int
    code: str
    advice: str
    address: str
    duration_ms: int
    streamed: bool
    is_named: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """What a key is and opens, its limits and what is left of them, its end, its last calls."""

    name: str
    hint: str
    state: str
    team: str
    scopes: Sequence[str]
    may: str
    networks: Sequence[str]
    origins: Sequence[str]
    opens: Sequence[Resource]
    limits: Limits
    taken: Taken
    meters: Sequence[Meter]
    expires_at: datetime | None
    secret_ends_at: datetime | None
    last_calls: Sequence[HolderCall]

    @property
    def near(self) -> Meter | None:
        """The fullest limit that is at least four fifths used, if there is one."""
        full = [meter for meter in self.meters if meter.limit and meter.percent >= meters.WARN_AT]
        return max(full, key=lambda meter: meter.percent, default=None)


def of(key: ApiKey, secret: KeySecret) -> Overview:
    """Return the overview of a key, for whoever showed the text of this secret."""
    registry = resources.registry()
    opens = registry.of_keys([key]).get(key.id, [])
    taken = registry.taken(key)
    prefix, head, tail = key_text.hint_parts(secret.public_id, is_publishable=key.is_publishable)
    return Overview(
        name=key.name,
        hint=f"{prefix}{head}…{tail}",
        state=key.status.value,
        team=key.team.name,
        scopes=tuple(sorted(key.scopes)),
        may=found.abilities(key.scopes),
        networks=tuple(key.networks),
        origins=tuple(key.origins),
        opens=tuple(opens),
        limits=key.limits,
        taken=taken,
        meters=tuple(meters.meters(key.limits, taken)),
        expires_at=key.expires_at,
        secret_ends_at=secret.ends_at,
        last_calls=_last_calls(key, {resource.id: resource.name for resource in opens}),
    )


def _last_calls(key: ApiKey, names: dict[UUID, str]) -> tuple[HolderCall, ...]:
    return tuple(
        HolderCall(
            at=call.at,
            chatflow=names.get(call.chatflow_id, str(call.chatflow_id or "")),
            allowed=call.allowed,
            status=call.status,
            code=call.code,
            advice="" if call.allowed else resources.registry().advice(call.code),
            address=call.client_address,
            duration_ms=call.duration_ms or 0,
            streamed=call.streamed,
            is_named=call.chatflow_id in names,
        )
        for call in resources.registry().last_calls(key, LAST_CALLS)
    )
