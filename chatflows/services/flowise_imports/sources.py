"""Sources: what an import finds in a Flowise, whatever it was read from. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from chatflows.models import ChatflowType


class Unreadable(Exception):
    """Raised for a source that can't be read. The sentence says why, and quotes no secret."""


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key of Flowise. `ids`: one text may stand in several rows, one for each workspace."""

    name: str
    ids: frozenset[str]
    text: str = field(repr=False)
    api_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FoundFlow:
    """A flow of Flowise. `key_id` is empty where Flowise asks for no key.

    `address_limit` is how many calls one address may make in how many seconds.
    """

    id: UUID
    name: str
    type: ChatflowType
    key_id: str
    origins: tuple[str, ...] = ()
    address_limit: tuple[int, int] | None = None
    unread: tuple[str, ...] = ()  # names of its settings that could not be read


@dataclass(frozen=True, slots=True)
class Source:
    """All that was found. `has_keys`: an export names the keys of flows and holds none of them.

    `url` is where that Flowise answers, if the source says so. `left_out`: what could not be read.
    """

    keys: tuple[FoundKey, ...]
    flows: tuple[FoundFlow, ...]
    has_keys: bool = True
    url: str = ""
    left_out: tuple[str, ...] = ()


def keys_of(rows: Iterable[Mapping[str, Any]]) -> tuple[FoundKey, ...]:
    """Return the keys of rows or of `api.json`, each text once."""
    found: dict[str, FoundKey] = {}
    for row in rows:
        text, id_ = row.get("apiKey"), str(row.get("id") or "")
        if not isinstance(text, str) or not text or not id_:
            continue
        known = found.get(text)
        ids = (known.ids if known else frozenset()) | {id_}
        name = known.name if known else str(row.get("keyName") or "")
        found[text] = FoundKey(name, ids, text, str(row.get("apiSecret") or ""))
    return tuple(found.values())


def flows_of(
    rows: Iterable[Mapping[str, Any]], default: ChatflowType = ChatflowType.CHATFLOW
) -> tuple[tuple[FoundFlow, ...], tuple[str, ...]]:
    """Return the flows of rows, and the names of those whose id or type can't be read."""
    found: dict[UUID, FoundFlow] = {}
    left_out = []
    for row in rows:
        name = str(row.get("name") or "")
        try:
            id_ = UUID(str(row.get("id")))
            kind = ChatflowType(row.get("type") or default)
        except ValueError:
            left_out.append(name)
            continue
        found[id_] = _flow(row, id_, name, kind)
    return tuple(found.values()), tuple(left_out)


def _flow(row: Mapping[str, Any], id_: UUID, name: str, kind: ChatflowType) -> FoundFlow:
    unread = []
    settings: dict[str, dict[str, Any]] = {}
    for column in ("chatbotConfig", "apiConfig"):
        value = _object(row.get(column))
        if value is None:
            unread.append(column)
        settings[column] = value or {}
    origins = settings["chatbotConfig"].get("allowedOrigins")
    limit = settings["apiConfig"].get("rateLimit")
    try:
        address_limit = _limit(limit)
    except (TypeError, ValueError):
        address_limit = None
        unread.append("rateLimit")
    return FoundFlow(
        id=id_,
        name=name,
        type=kind,
        key_id=str(row.get("apikeyid") or ""),
        origins=tuple(o for o in origins if isinstance(o, str) and o.strip())
        if isinstance(origins, list)
        else (),
        address_limit=address_limit,
        unread=tuple(unread),
    )


def _object(value: object) -> dict[str, Any] | None:
    """Return a JSON object that is kept as text, an empty one for nothing, None for all else."""
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def _limit(limit: object) -> tuple[int, int] | None:
    """Return calls and seconds. Flowise keeps numbers or texts; rows of old have no `status`."""
    if not isinstance(limit, dict) or limit.get("status") is False:
        return None
    most, seconds = limit.get("limitMax"), limit.get("limitDuration")
    if not most or not seconds or not limit.get("limitMsg"):
        return None  # Flowise asks for all three
    found = int(most), int(seconds)
    if min(found) < 1:
        raise ValueError("a limit is a number from 1 on")
    return found
