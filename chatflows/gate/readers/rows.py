"""Rows: what both readers ask of their database, and how an answer becomes facts."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from accounts.bounds import NO_LIMITS, Limits
from accounts.network import addresses
from accounts.network.addresses import Network
from accounts.outages import Unavailable
from apikeys.credentials import StoredSecret
from chatflows.access import plans
from chatflows.access.decisions import ChatflowAccess, Mode
from chatflows.engines.sources import EngineRef, EngineSource
from chatflows.gate.readers.facts import Facts
from chatflows.protocols.openai.models import Model

Row = tuple[Any, ...]
OF_KEY = 22  # columns of FACTS that are about the key; the others are about the chatflow

# `{public_id}` and `{chatflow_id}` are the database's own marks for the two values.
FACTS = """
SELECT s.digest, s.pepper_version, s.ends_at, s.public_id,
       k.id, k.name, k.team_id, k.scopes, k.expires_at, k.disabled_at, k.deleted_at,
       k.pinned_to, k.networks, k.origins,
       k.limit_minute, k.limit_streams, k.limit_day, k.limit_month, k.limit_tokens, k.limit_budget,
       kt.suspended_at, COALESCE(a.disabled_at, a.deleted_at),
       c.id, c.team_id, c.access_mode, CAST(c.allow_key_in_url AS integer), ct.suspended_at,
       c.engine, c.engine_version, c.networks, c.origins,
       c.limit_minute, c.limit_streams, c.limit_day, c.limit_month, c.limit_tokens, c.limit_budget,
       c.limit_address, c.price,
       CAST(EXISTS (
           SELECT 1 FROM chatflows_selection x WHERE x.chatflow_id = c.id AND x.key_id = k.id
       ) AS integer)
FROM (SELECT 1) one
LEFT JOIN apikeys_keysecret s ON s.public_id = {public_id}
LEFT JOIN apikeys_apikey k ON k.id = s.key_id
LEFT JOIN accounts_team kt ON kt.id = k.team_id
LEFT JOIN accounts_serviceaccount a ON a.id = k.service_account_id
LEFT JOIN chatflows_chatflow c ON c.id = {chatflow_id}
LEFT JOIN accounts_team ct ON ct.id = c.team_id
"""
ENTRIES = (
    "SELECT question, answer FROM chatflows_faqentry WHERE chatflow_id = {chatflow_id} ORDER BY id"
)
SOURCE = """
SELECT c.team_id, c.engine, c.engine_config, c.fallback, s.origin, s.ciphertext, s.key_version
FROM chatflows_chatflow c LEFT JOIN chatflows_upstreamsecret s ON s.chatflow_id = c.id
WHERE c.id = {chatflow_id}
"""
# `{subjects}` and `{periods}` are lists, in the database's own form.
COUNTS = """
SELECT subject, period, calls FROM chatflows_periodcount
WHERE subject IN ({subjects}) AND period IN ({periods})
"""
# Rows 5, 8 and 9 of the access rule, for all chatflows of the key's own team at once.
MODELS = """
SELECT c.id, c.name, c.created_at
FROM chatflows_chatflow c
WHERE c.team_id = {team_id} AND (
    c.access_mode = 'public' OR c.access_mode = 'keys' AND EXISTS (
        SELECT 1 FROM chatflows_selection x WHERE x.chatflow_id = c.id AND x.key_id = {key_id}
    )
) AND NOT EXISTS (
    SELECT 1 FROM apikeys_apikey k WHERE k.id = {key_id} AND k.pinned_to <> c.id
)
ORDER BY c.name, c.id LIMIT 1000
"""


@lru_cache(maxsize=1024)  # rows that read the same are the same facts, as those of unknown ids
def facts(row: Row) -> Facts:
    """The facts of one row of FACTS. Raises ValueError or TypeError for a damaged one."""
    of_key, of_chatflow = row[:OF_KEY], row[OF_KEY:]
    secret = _secret(of_key) if of_key[4] is not None else None
    if of_chatflow[0] is None:
        return Facts(secret, None, None)
    chatflow, engine = _chatflow(of_chatflow)
    plan = plans.plan(
        secret.key_id if secret is not None else None,
        secret.limits if secret is not None else NO_LIMITS,
        chatflow.id,
        chatflow.limits,
        chatflow.limit_address,
    )
    return Facts(secret, chatflow, engine, plan)


def _secret(row: Row) -> StoredSecret:
    # fmt: off
    (
        digest, pepper_version, secret_ends_at, public_id,
        key_id, name, team, scopes, expires_at, disabled_at, deleted_at,
        pinned_to, networks, origins, *limits,
        team_suspended_at, account_disabled_at,
    ) = row
    # fmt: on
    return StoredSecret(
        digest=digest,
        pepper_version=int(pepper_version),
        secret_ends_at=_moment(secret_ends_at),
        key_id=_uuid(key_id),
        key_name=name,
        public_id=public_id,
        team_id=_uuid(team),
        scopes=frozenset(json.loads(scopes)),
        expires_at=_moment(expires_at),
        is_disabled=disabled_at is not None,
        is_deleted=deleted_at is not None,
        is_team_suspended=team_suspended_at is not None,
        is_account_disabled=account_disabled_at is not None,
        pinned_to=_uuid(pinned_to) if pinned_to is not None else None,
        networks=_networks(networks),
        origins=_texts(origins),
        limits=_limits(limits),
    )


def _chatflow(row: Row) -> tuple[ChatflowAccess, EngineRef]:
    # fmt: off
    (
        chatflow_id, team, mode, allow_key_in_url, team_suspended_at,
        engine, engine_version, networks, origins, *limits,
        limit_address, price,
        is_selected,
    ) = row
    # fmt: on
    chatflow = ChatflowAccess(
        id=_uuid(chatflow_id),
        team_id=_uuid(team),
        mode=Mode(mode),
        is_key_selected=bool(int(is_selected)),
        allow_key_in_url=bool(int(allow_key_in_url)),
        is_team_suspended=team_suspended_at is not None,
        networks=_networks(networks),
        origins=_texts(origins),
        limits=_limits(limits),
        limit_address=_number(limit_address),
        price=_number(price) or 0,
    )
    return chatflow, EngineRef(engine, int(engine_version))


def engine_source(row: Row, entries: Sequence[Row]) -> EngineSource:
    """What an engine is made from, of a row of SOURCE and rows of ENTRIES. Raises as `facts`."""
    team, engine, config, *rest = row
    return EngineSource.of_row((_uuid(team), engine, json.loads(config), *rest), entries)


def models(found: Sequence[Row]) -> tuple[Model, ...]:
    """The chatflows of rows of MODELS. Raises as `facts`."""
    return tuple(
        Model(_uuid(flow), name, datetime.fromisoformat(created_at).replace(tzinfo=UTC))
        for flow, name, created_at in found
    )


def counts(found: Sequence[Row]) -> dict[tuple[UUID, str], int]:
    """The calls of rows of COUNTS. Raises as `facts`."""
    return {(_uuid(subject), period): int(calls) for subject, period, calls in found}


def aborts(found: Sequence[Row]) -> dict[str, float]:
    """The seconds since each abort. Raises Unavailable for what can't be read."""
    try:
        return {str(_uuid(thread_id)): float(age) for thread_id, age in found}
    except (ValueError, TypeError) as error:
        raise Unavailable(type(error).__name__) from error


def _texts(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text)) if text != "[]" else ()


def _networks(text: str) -> tuple[Network, ...]:
    return tuple([addresses.network(each) for each in _texts(text)])


def _number(value: int | str | None) -> int | None:
    return None if value is None else int(value)


def _limits(values: Sequence[int | str | None]) -> Limits:
    return Limits(*map(_number, values)) if any(values) else NO_LIMITS


def _moment(text: str | None) -> datetime | None:
    # Both databases store UTC; SQLite doesn't say so.
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


def _uuid(text: str) -> UUID:
    return UUID(text)
