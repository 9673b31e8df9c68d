"""Databases: read the database of a Flowise, SQLite or PostgreSQL, of any release since 1.2."""

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatflows.services.flowise_imports import sources
from chatflows.services.flowise_imports.sources import Source, Unreadable

if TYPE_CHECKING:
    import psycopg

STEP = 256  # pages copied at once, about a megabyte: Flowise can write between two steps
PATIENCE = 5.0  # seconds that another program may hold it
MOST_BEGINNINGS = 50  # the copy begins again with each change by another program
_KEYS = ("id", "apiKey", "apiSecret", "keyName")
_FLOWS = ("id", "name", "type", "apikeyid", "chatbotConfig", "apiConfig")
ENCRYPTED = "This is no SQLite database, or it is encrypted or damaged, or can't be opened."


def read(path: Path) -> Source:
    """Read a database file that Flowise may be using; it stays untouched. Raises Unreadable."""
    with _copied(path) as database:
        return _source(lambda table: _columns(database, table), database.execute)


def read_postgres(url: str) -> Source:
    """Read a PostgreSQL database, in a transaction that only reads. Raises Unreadable."""
    import psycopg  # noqa: PLC0415 (only here: nobody else needs it beside SQLite)
    from psycopg.rows import dict_row  # noqa: PLC0415

    try:
        with psycopg.connect(url, connect_timeout=5, row_factory=dict_row) as connection:
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            return _source(lambda table: _postgres_columns(connection, table), connection.execute)
    except psycopg.OperationalError:  # its words name hosts and users
        raise Unreadable("That PostgreSQL can't be reached, or it refuses the login.") from None
    except psycopg.Error as error:
        raise Unreadable(f"That PostgreSQL can't be read: {type(error).__name__}.") from None


def _source(columns: Callable[[str], set[str]], execute: Callable[[str], Any]) -> Source:
    """Select what is wanted and there: releases in between differ from what they say."""

    def rows(table: str, wanted: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        there = columns(table)
        if not there:
            return
        names = ", ".join(f'"{name}"' for name in wanted if name in there)
        if not names:
            raise Unreadable(f"The table {table} of this database is none of Flowise's.")
        # Table and columns are of the constants above.
        for row in execute(f'SELECT {names} FROM "{table}" ORDER BY "{wanted[0]}"'):  # noqa: S608
            yield dict(row)

    if not columns("chat_flow"):
        raise Unreadable("This database has no chatflows of Flowise.")
    flows, left_out = sources.flows_of(rows("chat_flow", _FLOWS))
    # Before 2.0.2 keys lie in a file; up to 3.0.0 the table may be there, and empty.
    keys = sources.keys_of(rows("apikey", _KEYS))
    return Source(keys, flows, has_keys=bool(keys), left_out=left_out)


class _Watch:
    """Ends a copy that would never end: SQLite waits for locks, and begins anew, for ever."""

    def __init__(self) -> None:
        self._beginnings = self._last = 0
        self._free_at = time.monotonic()

    def look(self, status: int, remaining: int, total: int) -> None:
        """Look at the copy after each step. Raises Unreadable."""
        now = time.monotonic()
        if status not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            self._free_at = now
        elif now - self._free_at > PATIENCE:
            raise Unreadable("Another program holds this database. Try again.")
        self._beginnings += remaining > self._last
        self._last = remaining
        if self._beginnings > MOST_BEGINNINGS:
            raise Unreadable("This database changes all the time. Stop Flowise for the import.")


@contextmanager
def _copied(path: Path) -> Iterator[sqlite3.Connection]:
    """Copy a database into a file of our own, and open the copy; it is deleted at the end."""
    handle, name = tempfile.mkstemp(prefix="flowise-", suffix=".sqlite")  # mode 0600
    os.close(handle)
    watch = _Watch()
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(name)) as copy:
            with closing(sqlite3.connect(uri, uri=True, timeout=PATIENCE)) as source:
                source.backup(copy, pages=STEP, progress=watch.look, sleep=0.002)
            copy.row_factory = sqlite3.Row
            yield copy
    except sqlite3.DatabaseError:
        raise Unreadable(ENCRYPTED) from None
    except OSError as error:
        raise Unreadable(f"The copy can't be written: {error.strerror}.") from None
    finally:
        for tail in ("", "-journal", "-wal", "-shm"):
            Path(name + tail).unlink(missing_ok=True)


def _columns(database: sqlite3.Connection, table: str) -> set[str]:
    return {row["name"] for row in database.execute(f'PRAGMA table_info("{table}")')}


def _postgres_columns(connection: "psycopg.Connection[dict[str, Any]]", table: str) -> set[str]:
    found = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0"
        " AND NOT attisdropped",
        [f'"{table}"'],
    )
    return {row["attname"] for row in found}
