"""Backups and restores on PostgreSQL: by its own programs, and no password where others can see."""

import os
import shutil
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.copies import dumped_audit, layout
from tests import postgres
from tests.config.copies.conftest import Installation, on, rows
from tests.postgres import PASSWORD, Postgres

pytestmark = pytest.mark.server

STAMP = "SELECT stamp FROM chatflows_accessstamp"
TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


def program(folder: Path, name: str, script: str) -> None:
    """Put a program of ours before that of PostgreSQL."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def before(folder: Path, at: Installation) -> str:
    return f"{folder}:{at.env['PATH']}"


@pytest.fixture(scope="session")
def template(
    original: Installation, server: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The name of a database with all that `home` has."""
    moving = Installation(tmp_path_factory.mktemp("moving") / "home")
    shutil.copytree(original.folder, moving.folder)
    moving.done("move_to", postgres.create_database(server.url, "template_home"))
    return "template_home"


@pytest.fixture
def at_home(
    original: Installation, server: Postgres, template: str, tmp_path: Path
) -> Installation:
    """`home` on PostgreSQL, with that server's programs in PATH."""
    here = Installation(tmp_path / "home")
    here.folder.mkdir()
    shutil.copy(original.folder / "keyring.json", here.folder)
    name = f"home_{uuid.uuid4().hex[:12]}"
    postgres.copy_database(server.url, name, template)
    here.env = on(server, postgres.create_database(server.url, name))
    return here


def test_a_dump_is_restored_with_its_ring_and_a_stamp_of_its_own(
    at_home: Installation, other: Installation, server: Postgres, folder: Path
) -> None:
    said = at_home.done("backup", folder)
    (made,) = folder.iterdir()
    assert "is whole: postgresql" in said
    assert at_home.done("backup", "--check", made) == said
    assert layout.read_manifest(made).files.keys() == {"database.dump", "keyring.json"}
    other.env = on(server, postgres.create_database(server.url, "restored"))
    assert "it sends no mail" in other.done("restore", "--drill", made)
    assert other.done("verify_audit") == at_home.done("verify_audit")
    url = other.env["DATABASE_URL"]
    assert rows(url, "SELECT name FROM accounts_lease") == [("drill",)]
    assert rows(url, STAMP) > rows(at_home.env["DATABASE_URL"], STAMP)
    assert "is not empty" in other.refused("restore", made)


def test_no_program_is_told_the_password_by_its_arguments(
    at_home: Installation, folder: Path, tmp_path: Path
) -> None:
    ours, seen = tmp_path / "bin", tmp_path / "seen"
    true_one = f"{at_home.env['PATH'].partition(':')[0]}/pg_dump"
    program(ours, "pg_dump", f'echo "$@" >> {seen}; exec {true_one} "$@"')
    at_home.done("backup", folder, PATH=before(ours, at_home))
    assert "--format=custom" in seen.read_text()
    assert PASSWORD not in seen.read_text()
    assert "p%40ss" not in seen.read_text()


def test_a_missing_and_an_older_pg_dump_are_named(
    at_home: Installation, folder: Path, tmp_path: Path
) -> None:
    line = at_home.refused("backup", folder, PATH="/nowhere")
    assert line.startswith("pg_dump is not installed.")
    ours = tmp_path / "bin"
    program(ours, "pg_dump", 'echo "pg_dump (PostgreSQL) 12.4"')
    line = at_home.refused("backup", folder, PATH=before(ours, at_home))
    assert f"{ours}/pg_dump is of PostgreSQL 12, older than the server" in line
    assert [*folder.iterdir()] == []


def test_a_dump_that_fails_leaves_nothing_and_says_no_password(
    at_home: Installation, folder: Path, tmp_path: Path
) -> None:
    ours = tmp_path / "bin"
    script = 'case "$1" in --version) echo "pg_dump (PostgreSQL) 99.1";; *) '
    script += 'echo "out of $PGPASSWORD" >&2; exit 1;; esac'
    program(ours, "pg_dump", script)
    line = at_home.refused("backup", folder, PATH=before(ours, at_home))
    assert line == "pg_dump failed: out of ***"
    assert [*folder.iterdir()] == []


def test_a_restore_that_is_cut_leaves_an_empty_database(
    at_home: Installation, other: Installation, server: Postgres, folder: Path, tmp_path: Path
) -> None:
    at_home.done("backup", folder)
    (made,) = folder.iterdir()
    other.env = on(server, postgres.create_database(server.url, "cut"))
    ours = tmp_path / "bin"
    true_one = f"{other.env['PATH'].partition(':')[0]}/pg_restore"
    # It fails once most of the tables are made and filled.
    script = (
        f'case "$*" in *null*) exec {true_one} "$@";; *-f*-*) {true_one} "$@" | head -c 90000; '
    )
    script += 'echo "cut" >&2; exit 1;; *) exec ' + f'{true_one} "$@";; esac'
    program(ours, "pg_restore", script)
    assert other.refused("restore", made, PATH=before(ours, other)).startswith("pg_restore failed")
    assert rows(other.env["DATABASE_URL"], TABLES) == [(0,)]
    assert not (other.folder / "keyring.json").exists()
    other.done("restore", made)


def test_a_newer_pg_restore_may_set_what_the_server_does_not_know(
    at_home: Installation, other: Installation, server: Postgres, folder: Path, tmp_path: Path
) -> None:
    at_home.done("backup", folder)
    (made,) = folder.iterdir()
    other.env = on(server, postgres.create_database(server.url, "newer"))
    ours = tmp_path / "bin"
    true_one = f"{other.env['PATH'].partition(':')[0]}/pg_restore"
    script = f'case "$1" in --version) ;; *) echo "SET from_tomorrow = 0;";; esac; {true_one} "$@"'
    program(ours, "pg_restore", script)
    other.done("restore", made, PATH=before(ours, other))
    assert other.done("verify_audit") == at_home.done("verify_audit")


def test_a_cut_dump_is_noticed(at_home: Installation, folder: Path) -> None:
    at_home.done("backup", folder)
    (made,) = folder.iterdir()
    dump = made / "database.dump"
    os.truncate(dump, dump.stat().st_size // 2)
    assert "is damaged" in at_home.refused("backup", "--check", made)


def test_a_dump_of_an_edited_audit_trail_is_told(at_home: Installation, folder: Path) -> None:
    url = at_home.env["DATABASE_URL"]
    at_home.done("backup", folder)
    (made,) = folder.iterdir()
    made.rename(folder / "flowlatch-20260101T030000Z")
    rows(url, "ALTER TABLE accounts_auditevent DISABLE TRIGGER ALL")
    rows(url, "UPDATE accounts_auditevent SET at = at - interval '1 us' WHERE sequence = 3")
    assert "broken at entry 3" in at_home.refused("backup", folder, "--keep", "1")
    assert len([*folder.iterdir()]) == 2, "the good one is kept"


def test_values_of_a_dump_are_read_as_they_were() -> None:
    assert dumped_audit.read_value("actor_name", r"a\tb\\N\n\\\t") == "a\tb\\N\n\\\t"
    assert dumped_audit.read_value("before", r"\N") is None
    assert dumped_audit.read_value("before", r'{"a": "\\\\ \\""}') == {"a": '\\ "'}
    at = datetime(2026, 3, 29, 1, 59, 59, 120000, tzinfo=UTC)
    assert dumped_audit.read_value("at", "2026-03-29 03:59:59.12+02") == at
