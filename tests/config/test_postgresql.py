"""A database that is not fit to serve is refused at the start, in one line."""

from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
import structlog
import structlog.testing

from config import postgresql
from config.postgresql import Unfit

pytestmark = pytest.mark.fast


@dataclass
class Server:
    """Answers as a connection would."""

    server_version: int = 170_002
    in_recovery: bool = False
    read_only: str = "off"

    @property
    def info(self) -> "Server":
        """What libpq knows."""
        return self

    def execute(self, statement: str) -> "Server":
        """Ask."""
        self._row = (self.in_recovery if "recovery" in statement else self.read_only,)
        return self

    def fetchone(self) -> tuple[object, ...]:
        """The row."""
        return self._row


def why(server: Any) -> str:
    with pytest.raises(Unfit) as error:
        postgresql._check(server)
    return str(error.value)


@pytest.mark.parametrize(("version", "name"), [(130_018, "13"), (90_624, "9"), (100_000, "10")])
def test_a_server_that_is_too_old_is_refused_with_both_versions(version: int, name: str) -> None:
    line = f"The database is PostgreSQL {name}. Flowlatch needs 14 or newer."
    assert why(Server(version)) == line


@pytest.mark.parametrize("version", [140_000, 160_004, 180_000])
def test_a_server_that_is_new_enough_is_taken(version: int) -> None:
    server: Any = Server(version)
    postgresql._check(server)


def test_a_replica_and_a_read_only_server_are_refused() -> None:
    assert "replica" in why(Server(in_recovery=True))
    assert "read-only" in why(Server(read_only="on"))


REFUSED = 'connection failed: connection to server at "127.0.0.1", port 1 failed: refused'


@pytest.mark.parametrize(
    "said",
    [
        REFUSED,
        "connection timeout expired",
        "connection failed: FATAL:  the database system is starting up",
        "connection failed: FATAL:  the database system is not yet accepting connections",
    ],
)
def test_a_server_that_is_not_up_yet_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    faults = [psycopg.OperationalError(said)] * 3

    def connect(parameters: object) -> str:
        if faults:
            raise faults.pop()
        return "connected"

    monkeypatch.setattr(postgresql, "_connect", connect)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with structlog.testing.capture_logs() as logged:
        connected: object = postgresql._connect_once_up({}, 60)
    assert connected == "connected"
    assert [line["event"] for line in logged] == ["the database is not up: waiting"]


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ('connection failed: FATAL:  password authentication failed for user "x"', 60.0),
        ('connection failed: FATAL:  database "nowhere" does not exist', 60.0),
        (REFUSED, 0.0),
    ],
)
def test_a_server_that_says_no_and_no_wait_end_at_once(
    monkeypatch: pytest.MonkeyPatch, said: str, wait: float
) -> None:
    def connect(parameters: object) -> None:
        raise psycopg.OperationalError(said)

    monkeypatch.setattr(postgresql, "_connect", connect)
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail("it waits"))
    with pytest.raises(psycopg.OperationalError):
        postgresql._connect_once_up({}, wait)
