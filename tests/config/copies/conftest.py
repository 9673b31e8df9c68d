"""Installations to copy: alice's, as a first start makes it, on SQLite and on PostgreSQL.

Each says itself which database it has, so these tests are the same wherever the others run.
"""

import os
import shutil
import sqlite3
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import postgres
from tests.postgres import FORGETFUL, Postgres
from tests.server import forks, shipped


@dataclass
class Installation:
    """A data folder, and the environment that its commands run in."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        """Its SQLite file."""
        return self.folder / "flowlatch.sqlite3"

    def manage(self, *arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
        """Run manage.py."""
        names = shipped.environment(self.folder, **{"DATABASE_URL": "", **self.env, **env})
        return forks.run(["manage.py", *map(str, arguments)], names)

    def done(self, *arguments: object, **env: str) -> str:
        """Run manage.py, which must succeed; what it printed."""
        run = self.manage(*arguments, **env)
        assert run.returncode == 0, run.stderr
        return run.stdout

    def refused(self, *arguments: object, **env: str) -> str:
        """Run manage.py, which must fail with one line; the line."""
        run = self.manage(*arguments, **env)
        assert run.returncode == 1, run.stdout
        assert run.stderr.count("\n") == 1, run.stderr
        return run.stderr.strip().removeprefix("CommandError: ")

    def sql(self, statement: str, *values: object) -> list[Any]:
        """Run a statement on its SQLite file."""
        with closing(sqlite3.connect(self.database, isolation_level=None)) as database:
            return database.execute(statement, values).fetchall()


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """A PostgreSQL that these tests alone use."""
    with Postgres(*FORGETFUL) as running:
        yield running


@pytest.fixture
def empty_url(server: Postgres) -> str:
    """The URL of an empty database."""
    return postgres.create_database(server.url, f"empty_{uuid.uuid4().hex[:12]}")


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """What `home` and `made` are copies of: commands take a second each."""
    original = Installation(tmp_path_factory.mktemp("original") / "home")
    shipped.fill(original.folder)
    original.done("issue_key", "--team", "acme", "--name", "crm-sync")
    original.done("backup", original.folder.parent / "backups")
    return original


@pytest.fixture
def home(original: Installation, tmp_path: Path) -> Installation:
    """An installation on SQLite, with a few changes in its audit trail."""
    shutil.copytree(original.folder, tmp_path / "home")
    return Installation(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where backups collect."""
    return tmp_path / "backups"


@pytest.fixture
def made(original: Installation, folder: Path) -> Path:
    """A backup of `home`, of an earlier day."""
    (first,) = (original.folder.parent / "backups").iterdir()
    folder.mkdir(mode=0o700)
    return Path(shutil.copytree(first, folder / "flowlatch-20260101T030000Z"))


@pytest.fixture
def other(tmp_path: Path) -> Installation:
    """Where nothing is yet."""
    return Installation(tmp_path / "other")


def on(server: Postgres, url: str) -> dict[str, str]:
    """The environment of an installation on PostgreSQL."""
    return {"DATABASE_URL": url, "PATH": f"{server.programs}:{os.environ['PATH']}"}


def rows(url: str, statement: str) -> list[Any]:
    """What a statement finds on PostgreSQL."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []
