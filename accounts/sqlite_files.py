"""SQLite's files: notice that one was deleted or replaced under an open connection.

A database in WAL mode is three files. A connection goes on with those that it opened, also after
somebody deleted or replaced one: what it then reads is old, and what it writes is lost. All
connections of a process share one `-shm`, so a new one takes the old file as well until every
connection is closed.
"""

import os
from collections.abc import Callable
from functools import cache
from typing import Any

import structlog
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

log = structlog.get_logger("flowlatch.database")

Identity = tuple[tuple[int, int] | None, ...]
_DESCRIPTORS = "/dev/fd"
_PARTS = ("", "-wal", "-shm")
_last = -1  # the descriptor that was found last


def identity(name: str) -> Identity:
    """Return which files stand at the three paths now: device and inode, None for no file."""
    return tuple([_which(name + part) for part in _PARTS])


def _which(name: str) -> tuple[int, int] | None:
    try:
        stat = os.stat(name)
    except FileNotFoundError:
        return None
    return stat.st_dev, stat.st_ino


def is_whole(files: Identity) -> bool:
    """Whether the files at their paths are those that this process uses now."""
    _, wal, shm = files
    if wal is None or shm is None:
        return wal is shm
    return descriptor(shm) is not None or not _lists_descriptors()


def descriptor(shm: tuple[int, int] | None) -> int | None:
    """Return SQLite's own descriptor of this process's `-shm` file.

    None if the process has another file open, or if the system lists no descriptors.

    Never close it, and open no other: to close any descriptor gives up all locks on its file. It is
    SQLite's until the process's last connection to the database closes.
    """
    global _last  # noqa: PLW0603 (the process has one)
    if shm is None:
        return None
    if _is_of(_last, shm):
        return _last
    numbers = _listed() if _lists_descriptors() else []
    _last = next((number for number in numbers if _is_of(number, shm)), -1)
    return _last if _last >= 0 else None


@cache
def _lists_descriptors() -> bool:
    """Whether the system lists descriptors. A container without /proc doesn't; FreeBSD lists three.

    Without the list, files are compared at their paths alone. That is logged once.
    """
    ends = os.pipe()
    try:
        is_listed = ends[1] in _listed()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        is_listed = False
    finally:
        for end in ends:
            os.close(end)
    if not is_listed:
        log.warning(
            "descriptors can't be listed",
            meaning=f"{_DESCRIPTORS} is missing or empty. Another process's locks on the database "
            "are not seen before they are waited for. Mount /proc, if you can.",
        )
    return is_listed


def _listed() -> list[int]:
    with os.scandir(_DESCRIPTORS) as entries:
        return [int(entry.name) for entry in entries]


def _is_of(number: int, file: tuple[int, int]) -> bool:
    try:
        stat = os.fstat(number)
    except OSError:
        return False
    return (stat.st_dev, stat.st_ino) == file


def note_replaced() -> None:
    """Log that files were replaced. Whoever notices it closes its connection afterwards."""
    log.error(
        "database files replaced",
        meaning="The database, its -wal or its -shm file was deleted or replaced while in use. "
        "Changes of the last moments can be lost.",
    )


def watch() -> None:
    """Have each of Django's connections to SQLite look at the files before each statement."""
    connection_created.connect(_begin, dispatch_uid="sqlite_files")


def _begin(connection: BaseDatabaseWrapper, **_: object) -> None:
    if connection.vendor != "sqlite" or connection.is_in_memory_db():  # type: ignore[attr-defined]
        return
    guards = [each for each in connection.execute_wrappers if not isinstance(each, _Guard)]
    connection.execute_wrappers = [*guards, _Guard(connection)]


class _Guard:
    """Closes a connection, and raises OperationalError, once its files are no longer in place."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection
        self._name = os.fspath(connection.settings_dict["NAME"])
        self._files = identity(self._name)

    def __call__(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        files = identity(self._name)
        if None in self._files:  # the first statement of a new database makes them
            self._files = files
        if files != self._files or not is_whole(files):
            self._connection.close()
            raise OperationalError("files replaced")
        return execute(sql, params, many, context)
