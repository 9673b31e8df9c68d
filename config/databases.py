"""Databases: Django's settings for what DATABASE_URL names, SQLite or PostgreSQL."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

SQLITE = "django.db.backends.sqlite3"
POSTGRESQL = "django.db.backends.postgresql"
CONNECT_WITHIN = 3  # seconds
BUSY_TIMEOUT = 3  # seconds that a statement waits for a lock
STATEMENT_TIMEOUT = 15  # seconds
IDLE_TIMEOUT = 60  # seconds that a transaction may be idle
MAX_CONNECTIONS = 16  # of one process, for pages and records; the gate has two more
# Both wait for the disk (FULL, on): a lost commit can be a lost revocation.
_SQLITE_OPTIONS: dict[str, Any] = {
    "timeout": BUSY_TIMEOUT,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
}
_SESSION = (
    f"-c synchronous_commit=on -c statement_timeout={STATEMENT_TIMEOUT}s "
    f"-c lock_timeout={BUSY_TIMEOUT}s -c idle_in_transaction_session_timeout={IDLE_TIMEOUT}s"
)
_POSTGRESQL_OPTIONS: dict[str, Any] = {
    "application_name": "flowlatch",
    "connect_timeout": CONNECT_WITHIN,
    # A replica lags behind, and can't be written.
    "target_session_attrs": "read-write",
    "tcp_user_timeout": 10_000,  # milliseconds until a server that vanished is given up
    "keepalives_idle": 30,  # seconds
    "options": _SESSION,
    # Django runs each page in a thread of its own, so connections stay open only in a pool.
    "pool": {"min_size": 0, "max_size": MAX_CONNECTIONS, "timeout": CONNECT_WITHIN},
}
_DJANGOS_OWN = ("pool", "assume_role", "isolation_level", "server_side_binding", "service")


class UnknownDatabase(Exception):
    """Raised for a DATABASE_URL that can't be used. The message quotes nothing of it."""

    def __init__(self) -> None:
        super().__init__("DATABASE_URL must begin with sqlite:/// or postgres://.")


def configured(url: dict[str, Any]) -> dict[str, Any]:
    """Return Django's settings for a parsed DATABASE_URL. Raises UnknownDatabase."""
    given = url.get("OPTIONS", {})
    if url.get("ENGINE") == SQLITE:
        return {**url, "OPTIONS": {**_SQLITE_OPTIONS, **given}}
    if url.get("ENGINE") == POSTGRESQL:
        options = {**_POSTGRESQL_OPTIONS, **given}
        return {**url, "OPTIONS": options, "CONN_HEALTH_CHECKS": True}
    raise UnknownDatabase


def connection_parameters(database: dict[str, Any]) -> dict[str, Any]:
    """Return libpq's parameters for a PostgreSQL database of Django's settings."""
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host"}
    names["PORT"] = "port"
    said = {word: database[name] for name, word in names.items() if database.get(name)}
    options = database.get("OPTIONS", {})
    return {**said, **{k: v for k, v in options.items() if k not in _DJANGOS_OWN}}


def key_file_folder(given: str, database: Mapping[str, Any]) -> Path | None:
    """Return the folder of the key file, or None. Raises ImproperlyConfigured with PostgreSQL."""
    if given and database["ENGINE"] != SQLITE:
        raise ImproperlyConfigured(
            "APIKEY_PATH works with SQLite alone. Remove it: PostgreSQL has backups of its own."
        )
    return Path(given).resolve() if given else None
