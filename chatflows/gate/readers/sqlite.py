"""The SQLite reader: a dedicated read-only connection, asked in the event loop at each request.

What was read stands for as long as the database's version does, as behind PostgreSQL's stamp. The
version is asked for at each request: about 4 microseconds, and 10 more for the one joined SELECT,
the same for ten keys and a million. A WAL reader doesn't wait for writers.
"""

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from accounts.outages import Unavailable
from chatflows.engines.sources import EngineSource
from chatflows.gate.readers import rows
from chatflows.gate.readers.facts import Facts
from chatflows.protocols.openai.models import Model

MAX_KEPT = 4096  # facts
BUSY_TIMEOUT = 0.25  # seconds; a WAL reader waits for almost nothing
_VERSION = "PRAGMA data_version"  # another one after each commit of another connection
_FACTS = rows.FACTS.format(public_id="?1", chatflow_id="?2")
_SOURCE = rows.SOURCE.format(chatflow_id="?1")
_ENTRIES = rows.ENTRIES.format(chatflow_id="?1")
_ABORTS = """
SELECT thread_id, (julianday('now') - julianday(at)) * 86400 FROM chatflows_abort
WHERE thread_id IN (SELECT value FROM json_each(?1))
"""
_MODELS = rows.MODELS.format(team_id="?1", key_id="?2")


class SqliteReader:
    """Reads one database file. Make it in the process that uses it: after a fork, not before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = os.fspath(path)
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._kept: dict[tuple[str | None, int], Facts] = {}  # under `_version`
        self._version: int | None = None
        self._looked_at: float | None = None  # when the file was looked at; the loop's time

    async def read(self, public_id: str | None, chatflow_id: UUID) -> Facts:
        """See AccessReader."""
        return self._read(public_id, chatflow_id)

    def read_soon(
        self, public_id: str | None, chatflow_id: UUID, then: Callable[[Facts | None], None]
    ) -> None:
        """See AccessReader."""
        try:
            facts = self._read(public_id, chatflow_id)
        except Unavailable:
            then(None)
        else:
            then(facts)

    def _read(self, public_id: str | None, chatflow_id: UUID) -> Facts:
        # The version first, the rows after it: rows of a later commit are read anew next time.
        version = self._select(_VERSION, ())[0][0]
        if version != self._version:
            self._kept.clear()
            self._version = version
        name = (public_id, chatflow_id.int)
        kept = self._kept.get(name)
        if kept is not None:
            return kept
        found = self._select(_FACTS, (public_id, chatflow_id.hex))
        try:
            facts = rows.facts(found[0])
        except (ValueError, TypeError) as error:  # a damaged row decides nothing
            raise Unavailable(type(error).__name__) from error
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[name] = facts
        return facts

    async def engine_source(self, chatflow_id: UUID) -> EngineSource:
        """See AccessReader."""
        found = self._select(_SOURCE, (chatflow_id.hex,))
        entries = self._select(_ENTRIES, (chatflow_id.hex,))
        try:
            return rows.engine_source(found[0], entries)
        except (IndexError, ValueError, TypeError) as error:
            raise Unavailable(type(error).__name__) from error

    async def models(self, team_id: UUID, key_id: UUID) -> tuple[Model, ...]:
        """See AccessReader."""
        try:
            return rows.models(self._select(_MODELS, (team_id.hex, key_id.hex)))
        except (ValueError, TypeError) as error:
            raise Unavailable(type(error).__name__) from error

    async def aborts(self, thread_ids: Sequence[str]) -> dict[str, float]:
        """See AbortReader."""
        names = json.dumps([UUID(thread_id).hex for thread_id in thread_ids])
        return rows.aborts(self._select(_ABORTS, (names,)))

    def close(self) -> None:
        """Give the connection back; the next reading opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._file = self._version = None
        self._kept.clear()

    def _select(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        try:
            # Always to the end: an open cursor would pin an old snapshot.
            return self._open().execute(statement, values).fetchall()
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise Unavailable(type(error).__name__) from error

    def _open(self) -> sqlite3.Connection:
        # A connection goes on reading a file that was renamed or deleted: a restored backup, or a
        # lost database, would keep the old doors open. A stat tells. It is a system call, so it is
        # made once for all that the loop reads in one millisecond (the tick of uvloop's clock).
        now = asyncio.get_running_loop().time()
        if self._connection is not None and now == self._looked_at:
            return self._connection
        stat = os.stat(self._name)
        file = (stat.st_dev, stat.st_ino)
        if self._connection is not None and file == self._file:
            self._looked_at = now
            return self._connection
        self.close()
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            timeout=BUSY_TIMEOUT,
            check_same_thread=False,
        )
        connection.execute("PRAGMA query_only = 1")
        self._connection, self._file = connection, file
        return connection
