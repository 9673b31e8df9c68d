"""manage.py move_to: every row of every table arrives as it was, or PostgreSQL stays empty."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.apps import apps
from psycopg.rows import tuple_row

from tests import postgres
from tests.config.copies.conftest import Installation, rows
from tests.postgres import Postgres
from tests.server import forks, shipped

pytestmark = pytest.mark.server

TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
# Made anew on the other side.
MADE_ANEW = {"django_cache", "django_migrations"}


def as_python(value: Any, stored: Any) -> Any:
    """What SQLite has stored, as the value that PostgreSQL answered would be stored."""
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        said = value.astimezone(UTC).replace(tzinfo=None)
        return said.isoformat(" ", timespec="microseconds" if said.microsecond else "seconds")
    if isinstance(value, timedelta):
        return value // timedelta(microseconds=1)
    if isinstance(value, bool | Decimal):
        return int(value)
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True)
    return str(value) if isinstance(stored, str) and value is not None else value


def in_sqlite(path: Path) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables."""
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: [dict(row) for row in database.execute(f'SELECT * FROM "{name}"')]
            for (name,) in names
            if name not in MADE_ANEW and not name.startswith("sqlite_")
        }


def in_postgres(url: str, table: str) -> list[dict[str, Any]]:
    with psycopg.connect(url) as connection:
        cursor = connection.cursor(row_factory=tuple_row)
        found = cursor.execute(f'SELECT * FROM "{table}"').fetchall()
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found]


def sorted_rows(found: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True, default=bytes.hex) for row in found)


def test_every_row_of_every_table_arrives_as_it_was(home: Installation, empty_url: str) -> None:
    env = shipped.environment(home.folder, DATABASE_URL="")
    assert forks.run(["-m", "tests.config.copies.every_model"], env).returncode == 0
    before, chains = in_sqlite(home.database), home.done("verify_audit")
    models = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    assert all(before[name] for name in models), "every model has a row"
    said = home.done("move_to", empty_url)
    assert f"{sum(map(len, before.values()))} rows of {len(before)} tables" in said
    for name, theirs in before.items():
        ours = in_postgres(empty_url, name)
        for row in theirs:  # as both write JSON
            for column, value in row.items():
                if isinstance(value, str) and value.startswith(("{", "[")):
                    row[column] = json.dumps(json.loads(value), sort_keys=True)
        columns = {column: value for row in theirs for column, value in row.items()}
        assert sorted_rows(theirs) == sorted_rows(
            [{c: as_python(v, columns[c]) for c, v in row.items()} for row in ours]
        ), name
    assert home.done("verify_audit", DATABASE_URL=empty_url) == chains


@pytest.mark.large
def test_the_moved_installation_goes_on(home: Installation, empty_url: str) -> None:
    (chatflow,) = home.sql("SELECT id FROM chatflows_chatflow")[0]
    key = home.done("issue_key", "--team", "acme", "--name", "k", "--chatflow", chatflow).strip()
    # The last number that was given is that of a row which is gone.
    home.sql("UPDATE sqlite_sequence SET seq = 500 WHERE name = 'chatflows_call'")
    said = home.done("move_to", empty_url)
    (away,) = home.folder.glob("flowlatch.sqlite3*")
    assert f"{away} now, and out of date" in said
    server = shipped.start(home.folder, {"DATABASE_URL": empty_url})
    assert server.predict(key).status == 200
    server.wait_for_calls(1)
    assert rows(empty_url, "SELECT id FROM chatflows_call") == [(501,)]
    # The gate keeps what it read for as long as the stamp stands.
    rows(empty_url, "UPDATE apikeys_apikey SET disabled_at = now() WHERE name = 'k'")
    assert server.predict(key).status == 401
    assert server.stop() == 0


def test_with_the_old_settings_nothing_starts_after_a_move(
    home: Installation, empty_url: str
) -> None:
    home.done("move_to", empty_url)
    assert "The database is empty, but" in home.refused("serve")


def test_a_filled_target_is_left_alone(home: Installation, empty_url: str) -> None:
    rows(empty_url, "CREATE TABLE theirs (id int)")
    line = home.refused("move_to", empty_url)
    assert "is not empty: it has 1 tables, such as theirs" in line
    assert rows(empty_url, TABLES) == [(1,)]
    assert home.database.exists()


def test_a_database_in_use_is_left_alone(home: Installation, empty_url: str) -> None:
    with closing(sqlite3.connect(home.database)) as somebody:
        somebody.execute("SELECT count(*) FROM accounts_team").fetchone()
        assert "is in use. Stop every server" in home.refused("move_to", empty_url)
    until = datetime.now(UTC) + timedelta(hours=1)
    home.sql("INSERT INTO accounts_lease VALUES ('worker', 'w', ?)", f"{until:%Y-%m-%d %H:%M:%S}")
    assert "A worker uses the SQLite database" in home.refused("move_to", empty_url)
    assert rows(empty_url, TABLES) == [(0,)]


def test_what_postgresql_cannot_store_is_named_before_anything_is_written(
    home: Installation, empty_url: str
) -> None:
    home.sql("UPDATE accounts_user SET username = ?", "x" * 65)
    home.sql("UPDATE chatflows_faqentry SET answer = 'a' || char(0) || 'b' WHERE id = 2")
    home.sql("""UPDATE chatflows_chatflow SET engine_config = '{"a": ["\\u0000", "\\\\u0000"]}'""")
    line = home.refused("move_to", empty_url)
    for named in (
        "accounts_user 1: username is longer than 64 characters",
        "chatflows_faqentry 2: answer holds a zero byte",
        "engine_config holds a zero byte or half a character",
    ):
        assert named in line
    assert "xxx" not in line
    assert rows(empty_url, TABLES) == [(0,)]


def test_a_broken_audit_trail_does_not_move(home: Installation, empty_url: str) -> None:
    home.sql("DROP TRIGGER audit_event_is_final")
    home.sql("UPDATE accounts_auditevent SET at = '2026-01-01 00:00:00' WHERE sequence = 4")
    assert "does not hold at entry 4" in home.refused("move_to", empty_url)
    assert rows(empty_url, TABLES) == [(0,)], "all of it was one transaction"
    assert home.database.exists()


def test_the_password_is_in_no_message(
    home: Installation, server: Postgres, tmp_path: Path
) -> None:
    given = tmp_path / "url"
    for url, says in (
        ("postgres://flowlatch:hush%21@127.0.0.1:1/x", "can't be used"),
        (server.url.replace("%2F1", "hush%21"), "can't be used"),
        ("postgres://flowlatch:hush!/@x:y/z", "can't be read"),
        ("mysql://u:hush!@127.0.0.1/x", "can't be read"),
    ):
        given.write_text(url)
        line = home.refused("move_to", "--url-file", given)
        assert says in line
        assert "hush" not in line


def test_an_older_database_is_brought_up_to_date_first(home: Installation, empty_url: str) -> None:
    home.sql("DELETE FROM django_migrations WHERE name = '0018_profiles'")
    assert "Start this version once with it" in home.refused("move_to", empty_url)


def test_from_postgresql_nothing_moves(home: Installation, server: Postgres) -> None:
    url = postgres.create_database(server.url, "from_here")
    assert "already" in home.refused("move_to", url, DATABASE_URL=url)
