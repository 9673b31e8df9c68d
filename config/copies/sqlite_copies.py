"""SQLite: copy a database while it is in use, and check a copy without changing it."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.db import connections

from config.copies import contents, layout
from config.copies.contents import Contents
from config.copies.layout import Refused

ALIAS = "copy"  # of a backup's database among Django's
BUSY = 30.0  # seconds to wait for a lock
STEPS = 200_000  # of SQLite's machine, between two looks at what waits for the disk
LATER = 32 * 2**20  # bytes that may wait for the disk


def copy(source: Path, target: Path) -> None:
    """Copy a database into a new file. Writers go on meanwhile. Raises Refused or OSError."""
    try:
        with layout.create(target) as number, closing(_open(source, "mode=rw")) as database:
            database.set_progress_handler(_Trickle(number), STEPS)
            database.execute("VACUUM INTO ?", [os.fspath(target)])
    except sqlite3.Error as error:
        if "disk is full" in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None
        raise Refused(f"The database can't be copied: {error}.") from None


class _Trickle:
    """Writes the copy to the disk bit by bit.

    If all of it waited for the end, each commit of the server would wait behind it.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._written = 0

    def __call__(self) -> int:
        size = os.fstat(self._number).st_size
        if size - self._written >= LATER:
            os.fdatasync(self._number)
            self._written = size
        return 0  # go on


def read(path: Path) -> Contents:
    """Return what a copy holds. Raises Refused."""
    with opened(path) as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return contents.read(database, [name for (name,) in names.fetchall()])


def check(path: Path) -> None:
    """Raise Refused if SQLite finds a fault in a copy, or a row that refers to no other."""
    with opened(path) as database:
        (said,) = database.execute("PRAGMA integrity_check(1)").fetchone()
        lost = database.execute("PRAGMA foreign_key_check").fetchone()
    if said != "ok":
        raise Refused(f"{path} is damaged: SQLite's integrity check fails.")
    if lost is not None:
        raise Refused(f"{path} is damaged: a row of {lost[0]} refers to one that is not there.")


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy to read it. Nothing is written, not even beside it. Raises Refused."""
    try:
        with closing(_open(path, "mode=ro&immutable=1")) as database:
            yield database
    except sqlite3.Error as error:
        raise Refused(f"{path} can't be read: {error}.") from None


@contextmanager
def as_alias(path: Path) -> Iterator[str]:
    """Let Django read a copy under an alias while the block runs."""
    options: dict[str, Any] = {"uri": True}
    name = f"{_uri(path)}?mode=ro&immutable=1"
    connections.settings[ALIAS] = {**connections.settings["default"], "NAME": name}
    connections.settings[ALIAS]["OPTIONS"] = options
    try:
        yield ALIAS
    finally:
        connections[ALIAS].close()
        del connections[ALIAS], connections.settings[ALIAS]


def _open(path: Path, how: str) -> sqlite3.Connection:
    address = f"{_uri(path)}?{how}"
    return sqlite3.connect(address, uri=True, timeout=BUSY, isolation_level=None)


def _uri(path: Path) -> str:
    return f"file:{quote(os.fspath(path.absolute()))}"
