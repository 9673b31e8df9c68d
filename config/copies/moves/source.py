"""The SQLite side of a move: nobody else has the database open, and every value fits PostgreSQL."""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.db.migrations.loader import MigrationLoader

from config.copies import layout
from config.copies.layout import Refused
from config.copies.moves.tables import Column, Table

PATIENCE = 3.0  # seconds that another process gets to close the database
SHOWN = 10  # values that do not fit, named in one message
# How JSON writes a zero byte and half of a pair of surrogates. PostgreSQL stores neither.
SUSPECTS = ("\\u0000", "\\ud")


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the database while no other process has it open, and keep all out. Raises Refused."""
    address = f"file:{quote(os.fspath(path))}?mode=rw"
    try:
        with closing(
            sqlite3.connect(address, uri=True, timeout=PATIENCE, isolation_level=None)
        ) as database:
            # In this mode SQLite refuses unless it is the only one, and nobody comes in after.
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("BEGIN IMMEDIATE")
            _has_no_worker(database)
            _is_up_to_date(database)
            yield database
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise Refused(
                f"{path} is in use. Stop every server, worker and command of Flowlatch, then try "
                "again."
            ) from None
        raise Refused(f"{path} can't be read: {error}.") from None
    except sqlite3.Error as error:
        raise Refused(f"{path} can't be read: {error}.") from None


def rows(database: sqlite3.Connection, table: Table) -> Iterator[tuple[Any, ...]]:
    """Return the rows of a table, one after the other."""
    yield from database.execute(table.select)


def others(database: sqlite3.Connection, known: Iterable[str]) -> list[str]:
    """Return the tables with rows that are neither among the known ones nor made anew."""
    made_anew = ("django_migrations", "django_cache")
    found = database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return sorted({name for (name,) in found} - {*known, *made_anew})


def last_number(database: sqlite3.Connection, table: Table) -> int:
    """Return the last number that a table gave to a row, also to one that is deleted."""
    given = database.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", [table.name])
    row = given.fetchone()
    return int(row[0]) if row else 0


def misfits(database: sqlite3.Connection, table: Table) -> list[str]:
    """Name the values of a table that PostgreSQL would not take, a few of them."""
    found: list[str] = []
    tests = [test for column in table.columns for test in _tests(column)]
    if tests:
        said = ", ".join(test for test, _ in tests)
        is_odd = " OR ".join(test for test, _ in tests)
        statement = f'SELECT "{table.key}", {said} FROM "{table.name}" WHERE {is_odd} LIMIT {SHOWN}'  # noqa: S608
        for key, *hits in database.execute(statement):
            found += [
                f"{table.name} {key}: {why}"
                for hit, (_, why) in zip(hits, tests, strict=True)
                if hit
            ]
    for column in table.columns:
        if column.kind == "JSONField":
            found += _odd_json(database, table, column.name)
    return found


def put_away(path: Path) -> Path:
    """Rename a database that was moved, and return its new path.

    A server that was idle meanwhile, or one that starts with the old settings, then finds no
    database, and can't go on with what is out of date.
    """
    away = path.with_name(f"{path.name}.moved-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(away.with_name(away.name + suffix))
    layout.sync_folder(path.parent)
    return away


def _tests(column: Column) -> Iterator[tuple[str, str]]:
    name = f'"{column.name}"'
    if column.longest is not None:
        why = f"{column.name} is longer than {column.longest} characters"
        yield f"length({name}) > {column.longest}", why
    if column.is_text:
        yield f"instr({name}, char(0)) > 0", f"{column.name} holds a zero byte"
    if column.least is not None and column.most is not None:
        why = f"{column.name} is out of range"
        yield f"{name} NOT BETWEEN {column.least} AND {column.most}", why


def _odd_json(database: sqlite3.Connection, table: Table, name: str) -> list[str]:
    is_suspect = " OR ".join(f"instr(\"{name}\", '{each}') > 0" for each in SUSPECTS)
    statement = f'SELECT "{table.key}", "{name}" FROM "{table.name}" WHERE {is_suspect}'  # noqa: S608
    found = []
    for key, text in database.execute(statement):
        if not _is_storable(json.loads(text)):
            found.append(f"{table.name} {key}: {name} holds a zero byte or half a character")
        if len(found) == SHOWN:
            break
    return found


def _is_storable(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, dict):
        return all(_is_storable(name) and _is_storable(each) for name, each in value.items())
    return all(map(_is_storable, value)) if isinstance(value, list) else True


def _has_no_worker(database: sqlite3.Connection) -> None:
    # A worker closes the database between its jobs.
    leases = database.execute("SELECT expires_at FROM accounts_lease WHERE name = 'worker'")
    for (until,) in leases:
        if datetime.fromisoformat(until).replace(tzinfo=UTC) > datetime.now(UTC):
            raise Refused(
                "A worker uses the SQLite database. Stop it and try again; if it was killed, wait "
                "half a minute."
            )


def _is_up_to_date(database: sqlite3.Connection) -> None:
    applied = set(database.execute("SELECT app, name FROM django_migrations"))
    if applied != set(MigrationLoader(None).disk_migrations):
        raise Refused(
            "The tables of the SQLite database are not those of this version. Start this version "
            "once with it, stop it, then try again."
        )
