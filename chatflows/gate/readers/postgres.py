"""The PostgreSQL reader: rows kept in the process, verified at each request by the access stamp.

The stamp is a row that each change of access changes in its own transaction
(migrations/0002_access_stamp.py). One stamp SELECT serves all requests that wait for it, so under
load its cost is shared; what was read under a stamp holds for as long as the stamp stands.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from accounts.outages import Unavailable
from chatflows.engines.sources import EngineSource
from chatflows.gate.readers import rows
from chatflows.gate.readers.facts import Facts
from chatflows.gate.readers.postgres_link import PostgresLink, Rows
from chatflows.protocols.openai.models import Model

MAX_KEPT = 4096  # facts; the longest unused go first
QUICK, SLOW = 1.0, 3.0  # seconds that facts and an engine's source may take
_SESSION = (
    "-c timezone=UTC -c datestyle=ISO -c bytea_output=hex -c default_transaction_read_only=on "
    "-c statement_timeout={milliseconds}"
)
_STAMP = "SELECT stamp FROM chatflows_accessstamp"
_FACTS = rows.FACTS.format(public_id="$1::text", chatflow_id="$2::uuid")
_SOURCE = rows.SOURCE.format(chatflow_id="$1::uuid")
_ENTRIES = rows.ENTRIES.format(chatflow_id="$1::uuid")
_ABORTS = """
SELECT thread_id, EXTRACT(EPOCH FROM clock_timestamp() - at) FROM chatflows_abort
WHERE thread_id = ANY($1::uuid[])
"""
_COUNTS = rows.COUNTS.format(
    subjects="SELECT unnest($1::uuid[])", periods="SELECT unnest($2::text[])"
)
_MODELS = rows.MODELS.format(team_id="$1::uuid", key_id="$2::uuid")

Name = tuple[str | None, UUID]
Stamp = tuple[int, str | None]


class PostgresReader:
    """Reads one database. Its connections open in the loop that asks first."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        """`parameters` are libpq's."""
        self._quick = PostgresLink(
            _read_only(parameters, QUICK), {b"stamp": _STAMP, b"facts": _FACTS}, deadline=QUICK
        )
        # Apart: an engine with many entries must not hold decisions up.
        self._slow = PostgresLink(
            _read_only(parameters, SLOW),
            {
                b"source": _SOURCE,
                b"entries": _ENTRIES,
                b"models": _MODELS,
                b"aborts": _ABORTS,
                b"counts": _COUNTS,
            },
            deadline=SLOW,
        )
        self._kept: OrderedDict[Name, Facts] = OrderedDict()
        self._stamp: Stamp | None = None

    async def read(self, public_id: str | None, chatflow_id: UUID) -> Facts:
        """See AccessReader."""
        waiter: asyncio.Future[Facts] = asyncio.get_running_loop().create_future()

        def then(facts: Facts | None) -> None:
            if waiter.done():  # its request is gone
                return
            if facts is None:
                waiter.set_exception(Unavailable("facts"))
            else:
                waiter.set_result(facts)

        self.read_soon(public_id, chatflow_id, then)
        return await waiter

    def read_soon(
        self, public_id: str | None, chatflow_id: UUID, then: Callable[[Facts | None], None]
    ) -> None:
        """See AccessReader. The stamp is read first, the rows after it."""
        name = (public_id, chatflow_id)

        def with_stamp(found: Rows | Unavailable) -> None:
            if isinstance(found, Unavailable) or len(found) != 1:
                then(None)
                return
            # With the losses: behind a new connection there may be a restored database.
            stamp = (self._quick.losses, found[0][0])
            if stamp != self._stamp:
                self._kept.clear()
                self._stamp = stamp
            kept = self._kept.get(name)
            if kept is not None:
                self._kept.move_to_end(name)
                then(kept)
            else:
                self._read_facts(name, stamp, then)

        self._quick.ask_soon(b"stamp", (), with_stamp)

    async def engine_source(self, chatflow_id: UUID) -> EngineSource:
        """See AccessReader."""
        values = (chatflow_id.hex.encode(),)
        found = await self._slow.ask(b"source", values)
        entries = await self._slow.ask(b"entries", values)
        try:
            *before, secret, version = found[0]
            ciphertext = bytes.fromhex(secret.removeprefix("\\x")) if secret else b""
            return rows.engine_source((*before, ciphertext, version), entries)
        except (IndexError, ValueError, TypeError) as error:
            raise Unavailable(type(error).__name__) from error

    async def models(self, team_id: UUID, key_id: UUID) -> tuple[Model, ...]:
        """See AccessReader."""
        values = (team_id.hex.encode(), key_id.hex.encode())
        found = await self._slow.ask(b"models", values)
        try:
            return rows.models(found)
        except (ValueError, TypeError) as error:
            raise Unavailable(type(error).__name__) from error

    async def counts(
        self, subjects: Sequence[UUID], periods: Sequence[str]
    ) -> dict[tuple[UUID, str], int]:
        """See AccessReader."""
        values = (_array([each.hex for each in subjects]), _array(periods))
        try:
            return rows.counts(await self._slow.ask(b"counts", values))
        except (ValueError, TypeError) as error:
            raise Unavailable(type(error).__name__) from error

    async def aborts(self, thread_ids: Sequence[str]) -> dict[str, float]:
        """See AbortReader."""
        return rows.aborts(await self._slow.ask(b"aborts", (_array(thread_ids),)))

    def watch(self, then: Callable[[], None]) -> None:
        """See AccessReader. Connections to a lost server end by themselves."""

    def look(self) -> None:
        """See AccessReader."""

    def close(self) -> None:
        """Give the connections back; the next reading opens others. For the loop that read."""
        self._quick.close()
        self._slow.close()
        self._kept.clear()
        self._stamp = None

    def _read_facts(self, name: Name, stamp: Stamp, then: Callable[[Facts | None], None]) -> None:
        def with_rows(found: Rows | Unavailable) -> None:
            if isinstance(found, Unavailable):
                then(None)
                return
            try:
                facts = rows.facts(found[0])
            except (IndexError, ValueError, TypeError):  # a damaged row decides nothing
                then(None)
                return
            # Under another stamp they may be older than it: good for this request and no other.
            if self._stamp == stamp:
                self._kept[name] = facts
                if len(self._kept) > MAX_KEPT:
                    self._kept.popitem(last=False)
            then(facts)

        public_id, chatflow_id = name
        values = (None if public_id is None else public_id.encode(), chatflow_id.hex.encode())
        self._quick.ask_soon(b"facts", values, with_rows)


def _array(texts: Sequence[str]) -> bytes:
    return ("{" + ",".join(texts) + "}").encode()


def _read_only(parameters: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    session = _SESSION.format(milliseconds=round(seconds * 1000))
    return {**parameters, "options": session, "target_session_attrs": "primary"}
