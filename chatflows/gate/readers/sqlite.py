"""The SQLite reader: a dedicated read-only connection, asked in the event loop at each request.

What was read stands for as long as the database's version does, as behind PostgreSQL's stamp. The
version is asked for at each request: about 4 microseconds, and 10 more for the one joined SELECT,
the same for ten keys and a million. A WAL reader doesn't wait for writers, and a look at the locks
before each statement keeps it from waiting for others.
"""

import asyncio
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from accounts import sqlite_files
from accounts.outages import Unavailable
from chatflows.engines.sources import EngineSource
from chatflows.gate.readers import rows, shm_locks
from chatflows.gate.readers.facts import Facts
from chatflows.protocols.openai.models import Model

MAX_KEPT = 4096  # facts
BUSY_TIMEOUT = 0.25  # seconds; a WAL reader waits for almost nothing
CONNECT_WITHIN = 2.0  # seconds that a call waits for a new connection
CLOSE_LOOK_EVERY = 0.005  # seconds
LOOK_AGAIN = 0.01  # seconds between two looks whether somebody else's locks are gone
_VERSION = "PRAGMA data_version"  # another one after each commit of another connection
_FACTS = rows.FACTS.format(public_id="?1", chatflow_id="?2")
_SOURCE = rows.SOURCE.format(chatflow_id="?1")
_ENTRIES = rows.ENTRIES.format(chatflow_id="?1")
_ABORTS = """
SELECT thread_id, (julianday('now') - julianday(at)) * 86400 FROM chatflows_abort
WHERE thread_id IN (SELECT value FROM json_each(?1))
"""
_LIST = "SELECT value FROM json_each({mark})"
_COUNTS = rows.COUNTS.format(subjects=_LIST.format(mark="?1"), periods=_LIST.format(mark="?2"))
_MODELS = rows.MODELS.format(team_id="?1", key_id="?2")

Read = TypeVar("Read")
_Made = Future[tuple[sqlite3.Connection, sqlite_files.Identity]]


class _Held(Unavailable):
    """Raised where SQLite would wait for locks, for up to ten seconds."""


class SqliteReader:
    """Reads one database file. Make it in the process that uses it: after a fork, not before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = os.fspath(path)
        self._connection: sqlite3.Connection | None = None
        self._making: _Made | None = None  # the next connection
        self._files: sqlite_files.Identity | None = None
        self._close_look_at = 0.0  # when all files are looked at again
        self._locks: int | None = None  # SQLite's own descriptor: see shm_locks
        self._then: Callable[[], None] = lambda: None
        self._kept: dict[tuple[str | None, int], Facts] = {}  # under `_version`
        self._version: int | None = None
        self._looked_at: float | None = None  # when the file was looked at; the loop's time

    async def read(self, public_id: str | None, chatflow_id: UUID) -> Facts:
        """See AccessReader."""
        return await self._when_free(lambda: self._read(public_id, chatflow_id))

    def read_soon(
        self, public_id: str | None, chatflow_id: UUID, then: Callable[[Facts | None], None]
    ) -> None:
        """See AccessReader."""
        self._read_until(None, public_id, chatflow_id, then)

    def _read_until(
        self,
        end: float | None,
        public_id: str | None,
        chatflow_id: UUID,
        then: Callable[[Facts | None], None],
    ) -> None:
        try:
            facts = self._read(public_id, chatflow_id)
        except _Held:
            loop = asyncio.get_running_loop()
            end = end or loop.time() + self._patience()
            if loop.time() < end:
                loop.call_later(LOOK_AGAIN, self._read_until, end, public_id, chatflow_id, then)
            else:
                then(None)
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
        values = (chatflow_id.hex,)
        found = await self._when_free(lambda: self._select(_SOURCE, values))
        entries = await self._when_free(lambda: self._select(_ENTRIES, values))
        try:
            return rows.engine_source(found[0], entries)
        except (IndexError, ValueError, TypeError) as error:
            raise Unavailable(type(error).__name__) from error

    async def models(self, team_id: UUID, key_id: UUID) -> tuple[Model, ...]:
        """See AccessReader."""
        values = (team_id.hex, key_id.hex)
        found = await self._when_free(lambda: self._select(_MODELS, values))
        try:
            return rows.models(found)
        except (ValueError, TypeError) as error:
            raise Unavailable(type(error).__name__) from error

    async def counts(
        self, subjects: Sequence[UUID], periods: Sequence[str]
    ) -> dict[tuple[UUID, str], int]:
        """See AccessReader."""
        values = (json.dumps([each.hex for each in subjects]), json.dumps([*periods]))
        found = await self._when_free(lambda: self._select(_COUNTS, values))
        try:
            return rows.counts(found)
        except (ValueError, TypeError) as error:
            raise Unavailable(type(error).__name__) from error

    async def aborts(self, thread_ids: Sequence[str]) -> dict[str, float]:
        """See AbortReader."""
        names = json.dumps([UUID(thread_id).hex for thread_id in thread_ids])
        return rows.aborts(await self._when_free(lambda: self._select(_ABORTS, (names,))))

    def close(self) -> None:
        """Give the connection back; the next reading opens another."""
        if self._connection is not None:
            self._connection.close()
        if self._making is not None:
            self._making.add_done_callback(_close_unused)
        self._connection = self._making = self._files = self._locks = self._version = None
        self._kept.clear()

    def watch(self, then: Callable[[], None]) -> None:
        """See AccessReader."""
        self._then = then

    def look(self) -> None:
        """See AccessReader."""
        if self._connection is not None:
            with suppress(Unavailable, sqlite3.Error, OSError):
                self._open()

    async def _when_free(self, read: Callable[[], Read]) -> Read:
        """Read, and again where somebody held locks: a writer does so for a moment now and then."""
        loop = asyncio.get_running_loop()
        end = None
        while True:
            try:
                return read()
            except _Held:
                end = end or loop.time() + self._patience()
                if loop.time() >= end:
                    raise
                await asyncio.sleep(LOOK_AGAIN)

    def _patience(self) -> float:
        return BUSY_TIMEOUT if self._connection is not None else CONNECT_WITHIN

    def _select(self, statement: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        try:
            # Always to the end: an open cursor would pin an old snapshot.
            return self._open().execute(statement, values).fetchall()
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise Unavailable(type(error).__name__) from error

    def _open(self) -> sqlite3.Connection:
        """Return the connection, for one statement that is made at once.

        Raises _Held while another connection is made, or while another process holds locks that
        SQLite would wait for, and the loop with it. Locks that are taken in the few microseconds
        between this look and the statement are not seen.
        """
        connection = self._in_place() or self._adopted()
        if self._locks is not None and shm_locks.is_held(self._locks):
            raise _Held
        return connection

    def _in_place(self) -> sqlite3.Connection | None:
        # A connection goes on reading a file that was renamed or deleted: a restored backup, or a
        # lost database, would keep the old doors open. A stat tells. It is a system call, so it is
        # made once for all that the loop reads in one millisecond (the tick of uvloop's clock), and
        # those of the other two files less often.
        connection = self._connection
        if connection is None:
            return None
        now = asyncio.get_running_loop().time()
        if self._files is not None and now < self._close_look_at:
            if now == self._looked_at:
                return connection
            stat = os.stat(self._name)
            if (stat.st_dev, stat.st_ino) == self._files[0]:
                self._looked_at = now
                return connection
        if sqlite_files.identity(self._name) == self._files:
            self._looked_at, self._close_look_at = now, now + CLOSE_LOOK_EVERY
            return connection
        sqlite_files.note_replaced()
        self.close()
        self._then()
        return None

    def _adopted(self) -> sqlite3.Connection:
        """Take over the connection that a thread has made, or have one make it."""
        if self._making is None:
            self._making = _making(self._path)
        if not self._making.done():
            raise _Held
        made, self._making = self._making, None
        self._connection, before = made.result()
        self._files = sqlite_files.identity(self._name)
        is_same = None in before or before == self._files
        if not is_same or not sqlite_files.is_whole(self._files):
            self.close()
            self._then()
            raise sqlite3.OperationalError("other connections hold files that were replaced")
        self._locks = sqlite_files.descriptor(self._files[-1])
        return self._connection


def _making(path: Path) -> _Made:
    """Begin to connect in a thread: a first reading waits for locks, and nothing tells of them.

    It is not one of the loop's threads: a stop waits for those.
    """
    made = _Made()

    def run() -> None:
        try:
            made.set_result(_connect(path))
        except (sqlite3.Error, OSError) as error:
            made.set_exception(error)

    threading.Thread(target=run, name="sqlite-reader", daemon=True).start()
    return made


def _connect(path: Path) -> tuple[sqlite3.Connection, sqlite_files.Identity]:
    before = sqlite_files.identity(os.fspath(path))
    path.stat()  # raises OSError where there is no database
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT,
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA query_only = 1")
        connection.execute(_VERSION).fetchall()  # opens the other two files
    except sqlite3.Error:
        connection.close()
        raise
    return connection, before


def _close_unused(made: _Made) -> None:
    if made.exception() is None:
        made.result()[0].close()
