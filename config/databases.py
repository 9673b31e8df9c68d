"""The database settings: what DATABASE_URL says, and what Flowlatch asks of each kind. Pure."""

from typing import Any

SQLITE = "django.db.backends.sqlite3"
POSTGRESQL = "django.db.backends.postgresql"
CONNECT_WITHIN = 3  # seconds
BUSY_TIMEOUT = 3  # seconds that a statement waits for another's lock
STATEMENT_TIMEOUT = 15  # seconds
IDLE_TIMEOUT = 60  # seconds that a transaction may stand still
MAX_CONNECTIONS = 16  # of one process, for pages and records; the gate has two more
# FULL and on: a lost commit can be a lost revocation.
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
    # A replica would show what was true a moment ago, and takes no change.
    "target_session_attrs": "read-write",
    "tcp_user_timeout": 10_000,  # milliseconds: a server that vanished is given up
    "keepalives_idle": 30,  # seconds
    "options": _SESSION,
    # Django's pages run in a thread each, so a connection that stays open has to come from a pool.
    "pool": {"min_size": 0, "max_size": MAX_CONNECTIONS, "timeout": CONNECT_WITHIN},
}
_DJANGOS_OWN = ("pool", "assume_role", "isolation_level", "server_side_binding", "service")


class UnknownDatabase(Exception):
    """DATABASE_URL can't be used; the message is one line that quotes nothing of it."""


def configured(url: dict[str, Any]) -> dict[str, Any]:
    """Django's settings for what a DATABASE_URL says. Raises UnknownDatabase."""
    given = url.get("OPTIONS", {})
    if url.get("ENGINE") == SQLITE:
        return {**url, "OPTIONS": {**_SQLITE_OPTIONS, **given}}
    if url.get("ENGINE") == POSTGRESQL:
        options = {**_POSTGRESQL_OPTIONS, **given}
        return {**url, "OPTIONS": options, "CONN_HEALTH_CHECKS": True}
    raise UnknownDatabase("DATABASE_URL must begin with sqlite:/// or postgres://.")


def connection_parameters(database: dict[str, Any]) -> dict[str, Any]:
    """The same PostgreSQL database in the words of libpq."""
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host"}
    names["PORT"] = "port"
    said = {word: database[name] for name, word in names.items() if database.get(name)}
    options = database.get("OPTIONS", {})
    return {**said, **{k: v for k, v in options.items() if k not in _DJANGOS_OWN}}
