"""Databases: read the SQLite database of a Flowise, of any release since 1.2."""

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from chatflows.services.flowise_imports import sources
from chatflows.services.flowise_imports.sources import Source, Unreadable

STEP = 256  # pages copied at once, about a megabyte: Flowise can write between two steps
PATIENCE = 5.0  # seconds that another program may hold it
MOST_BEGINNINGS = 50  # the copy begins again with each change by another program
_KEYS = ("id", "apiKey", "apiSecret", "keyName")
_FLOWS = ("id", "name", "type", "apikeyid", "chatbotConfig", "apiConfig")
ENCRYPTED = "This is no SQLite database, or it is encrypted or damaged, or can't be opened."


def read(path: Path) -> Source:
    """Read a database file that Flowise may be using. Raises Unreadable. The file stays untouched.

    The columns are those that are there: releases in between differ from what they say.
    """
    with _copied(path) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_schema")}
        if "chat_flow" not in tables:
            raise Unreadable("This database has no chatflows of Flowise.")
        flows, left_out = sources.flows_of(_rows(database, "chat_flow", _FLOWS))
        has_keys = "apikey" in tables  # before 2.0.2 they lie in a file
        keys = sources.keys_of(_rows(database, "apikey", _KEYS)) if has_keys else ()
    # Up to 3.0.0 the table is there, and empty if the keys lie in the file.
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


def _rows(
    database: sqlite3.Connection, table: str, wanted: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    there = {row["name"] for row in database.execute(f'PRAGMA table_info("{table}")')}
    names = ", ".join(f'"{name}"' for name in wanted if name in there)
    if not names:
        raise Unreadable(f"The table {table} of this database is none of Flowise's.")
    # Table and columns are of the constants above.
    for row in database.execute(f'SELECT {names} FROM "{table}" ORDER BY rowid'):  # noqa: S608
        yield dict(row)
