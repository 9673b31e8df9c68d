"""The PostgreSQL side of a move: empty tables are made, filled and compared in one transaction."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import environ
import psycopg
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import Error as DatabaseError

from config import databases, postgresql
from config.copies import contents, postgres_copies
from config.copies.layout import Refused
from config.copies.moves.tables import Table

ALIAS = "target"  # among Django's databases


def configured(url: str) -> dict[str, Any]:
    """Return Django's settings for the target. Raises Refused, which quotes nothing of the URL."""
    try:
        with warnings.catch_warnings():  # the library's warnings quote the password
            warnings.simplefilter("ignore")
            found = databases.configured(environ.Env.db_url_config(url.strip()))
    except Exception:  # the message could quote the password
        found = {}
    if found.get("ENGINE") != databases.POSTGRESQL or not found.get("NAME"):
        raise Refused(
            "The target can't be read. Write postgres://user:password@host:port/name, and "
            "characters like @ : / # ? % of the password as %40 %3A %2F %23 %3F %25."
        )
    # One connection, without the bounds of time that pages have.
    options = {name: value for name, value in found["OPTIONS"].items() if name != "pool"}
    return {
        **found,
        "OPTIONS": {**options, "options": postgres_copies.UNHURRIED},
        "CONN_HEALTH_CHECKS": False,
    }


@contextmanager
def named(database: dict[str, Any]) -> Iterator[BaseDatabaseWrapper]:
    """Let Django know the target inside the block."""
    connections.settings[ALIAS] = {**connections.settings["default"], **database}
    try:
        yield connections[ALIAS]
    finally:
        connections[ALIAS].close()
        del connections[ALIAS], connections.settings[ALIAS]


@contextmanager
def made(database: BaseDatabaseWrapper) -> Iterator[None]:
    """Make tables in the empty target, and commit what the block fills them with.

    All of it is one transaction. Raises Refused.
    """
    parameters = databases.connection_parameters(database.settings_dict)
    try:
        with postgresql.locked(parameters):  # no start prepares it meanwhile
            postgres_copies.is_empty(parameters)
            with transaction.atomic(using=ALIAS):
                _make_tables(database)
                yield
    except postgresql.Unfit as error:
        raise Refused(str(error)) from None
    except (psycopg.Error, DatabaseError) as error:
        # Its text can quote a value.
        raise Refused(
            f"PostgreSQL did not take the rows ({type(error).__name__}). Nothing was moved."
        ) from None


def fill(database: BaseDatabaseWrapper, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
    """Copy rows into a table. Raises Refused."""
    try:
        with database.connection.cursor() as cursor, cursor.copy(table.copy) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        raise Refused(
            f"PostgreSQL did not take the rows of {table.name} ({type(error).__name__}). Nothing "
            "was moved."
        ) from None


def go_on_after(database: BaseDatabaseWrapper, table: Table, number: int) -> None:
    """Let a table give the next row a number above all that were given."""
    if number:
        with database.cursor() as cursor:
            name = [f'"{table.name}"', table.key]
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, %s), %s)", [*name, number])


def count(database: BaseDatabaseWrapper, table: Table) -> int:
    """Return how many rows a table has."""
    return contents.count(database.connection, table.name)


def settle(database: BaseDatabaseWrapper) -> None:
    """Have each reference checked now, and each table measured for the planner."""
    with database.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ANALYZE")


def _make_tables(database: BaseDatabaseWrapper) -> None:
    executor = MigrationExecutor(database)
    with database.cursor() as cursor:  # a table with pending checks can't be altered
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    # Without the signals of the command `migrate`, which would fill tables whose rows move.
    executor.migrate(executor.loader.graph.leaf_nodes())
    with database.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
