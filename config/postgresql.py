"""PostgreSQL: is it fit to serve, the lock of starts, connections that don't wait for ever."""

import math
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import psycopg
import structlog
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.abc import PQGen
from psycopg.waiting import Ready, Wait

from config.databases import STATEMENT_TIMEOUT

log = structlog.get_logger("flowlatch.start")

T = TypeVar("T")

OLDEST = 14
LOOK_AGAIN = 0.5  # seconds between two looks whether the server is up
_NOT_UP_YET = ("starting up", "shutting down", "not yet accepting", "in recovery mode")
LOCK = 0x666C6F776C61  # "flowla" as a number, which no other program should use
PATIENCE = 120  # seconds to wait for another start
SILENT = 2.5  # seconds without an answer; then we ask whether the server answers anybody
ANSWERS_WITHIN = 2  # seconds, for a new connection; libpq takes no less
LONGEST = STATEMENT_TIMEOUT + 2  # seconds; the server itself ends statements before


class Unfit(Exception):
    """Raised for a database that can't be used. The message is one line without the password."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that gives up a server which fell silent (frozen, or behind a dead network).

    The server's own time-outs end what is slow, but not while the server stands still.
    """

    longest = LONGEST

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for an answer. Raises OperationalError, and closes itself, once none will come."""
        return super().wait(self._bounded(gen), interval, timeout)

    def _bounded(self, gen: PQGen[T]) -> Generator[Wait, Ready | int, T]:
        began = time.monotonic()
        ask_at, latest = began + SILENT, began + self.longest
        try:
            state = next(gen)
            while True:
                ready = yield state
                now = time.monotonic()
                if not ready and now >= ask_at:
                    if now >= latest or not self._server_answers():
                        self.close()
                        raise psycopg.OperationalError("the server is silent")
                    ask_at = time.monotonic() + SILENT
                state = gen.send(ready)
        except StopIteration as done:
            value: T = done.value
            return value

    def _server_answers(self) -> bool:
        info = self.info
        try:
            psycopg.connect(
                info.dsn,
                password=info.password,
                connect_timeout=ANSWERS_WITHIN,
                target_session_attrs="any",
            ).close()
        except psycopg.errors.ConnectionTimeout:
            return False
        except psycopg.Error:
            return True  # refused is answered: this connection will be told as well
        return True


@contextmanager
def unhurried(database: BaseDatabaseWrapper) -> Iterator[None]:
    """Let statements take as long as they need inside the block, while the server answers."""
    database.ensure_connection()
    connection = database.connection
    connection.longest = math.inf
    try:
        with database.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
        yield
        with database.cursor() as cursor:
            cursor.execute("RESET statement_timeout; RESET idle_in_transaction_session_timeout")
    finally:
        connection.longest = LONGEST


@contextmanager
def locked(parameters: Mapping[str, Any], wait: float = 0.0) -> Iterator[None]:
    """Hold the lock of preparation while the block runs. Raises Unfit.

    A server that is not up yet is waited for, at most `wait` seconds.
    """
    try:
        connection = _connect_once_up(parameters, wait)
    except psycopg.Error as error:
        raise Unfit(f"The database can't be used: {reason(error, parameters)}") from None
    with connection:
        _check(connection)
        _lock(connection)
        yield


def wait_until_up(parameters: Mapping[str, Any], wait: float) -> None:
    """Wait for a server that is not up yet, as `locked` does. Whatever else is wrong is left."""
    with suppress(psycopg.Error):
        _connect_once_up(parameters, wait).close()


def _connect_once_up(parameters: Mapping[str, Any], wait: float) -> psycopg.Connection[Any]:
    end, has_said = time.monotonic() + wait, False
    while True:
        try:
            return _connect(parameters)
        except psycopg.OperationalError as error:
            if time.monotonic() >= end or _is_answer(error):
                raise
        if not has_said:
            log.warning("the database is not up: waiting", seconds=wait)
            has_said = True
        time.sleep(LOOK_AGAIN)


def _is_answer(error: psycopg.OperationalError) -> bool:
    """Whether the server is up and said no: waiting would change nothing."""
    said = str(error)
    return "FATAL" in said and not any(words in said for words in _NOT_UP_YET)


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


def reason(error: psycopg.Error, parameters: Mapping[str, Any]) -> str:
    """Return what went wrong in one line, without the password."""
    # libpq reports each attempt on a line of its own. The first one says what is wrong.
    line = str(error).strip().partition("\n")[0]
    password = str(parameters.get("password") or "")
    return line.replace(password, "***") if password else line
