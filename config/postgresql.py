"""PostgreSQL at a start: check that it is fit to serve, and lock it against other starts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg

OLDEST = 14
LOCK = 0x666C6F776C61  # "flowla" as a number, which no other program should use
PATIENCE = 120  # seconds to wait for another start


class Unfit(Exception):
    """Raised for a database that can't be used. The message is one line without the password."""


@contextmanager
def locked(parameters: Mapping[str, Any]) -> Iterator[None]:
    """Hold the lock of preparation while the block runs. Raises Unfit."""
    try:
        connection = _connect(parameters)
    except psycopg.Error as error:
        raise Unfit(f"The database can't be used: {_reason(error, parameters)}") from None
    with connection:
        _check(connection)
        _lock(connection)
        yield


def _connect(parameters: Mapping[str, Any]) -> psycopg.Connection[Any]:
    # Connect to any server, since our messages are plainer than libpq's.
    anywhere = {**parameters, "target_session_attrs": "any", "options": ""}
    return psycopg.connect(**anywhere, autocommit=True)


def _check(connection: psycopg.Connection[Any]) -> None:
    version = connection.info.server_version // 10_000
    if version < OLDEST:
        raise Unfit(f"The database is PostgreSQL {version}. Flowlatch needs {OLDEST} or newer.")
    row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
    if row is None or row[0]:
        raise Unfit("The database is a replica. DATABASE_URL must name the primary.")
    row = connection.execute("SHOW transaction_read_only").fetchone()
    if row is None or row[0] != "off":
        raise Unfit("The database is read-only. DATABASE_URL must name one that can be written.")


def _lock(connection: psycopg.Connection[Any]) -> None:
    try:
        connection.execute(f"SET lock_timeout = '{PATIENCE}s'")
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
    except psycopg.Error:
        raise Unfit(
            f"Another start has been preparing the database for {PATIENCE} seconds. Try again."
        ) from None


def _reason(error: psycopg.Error, parameters: Mapping[str, Any]) -> str:
    # libpq reports each attempt on a line of its own. The first one says what is wrong.
    line = str(error).strip().partition("\n")[0]
    password = str(parameters.get("password") or "")
    return line.replace(password, "***") if password else line
