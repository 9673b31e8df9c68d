"""Upgrades through the shipped start: a newer database is refused, and what runs goes on."""

import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from config.environment.version import VERSION
from tests.ports import free_port
from tests.server import forks, shipped, workers
from tests.server.forks import PATIENCE
from tests.server.shipped import OWNER, SERVE, environment

pytestmark = pytest.mark.server

FUTURE = (
    "INSERT INTO config_servedversion (version, first_started_at) "
    "VALUES ('99.1', '2027-01-01 00:00:00+00:00')",
    "INSERT INTO django_migrations (app, name, applied) "
    "VALUES ('accounts', '9999_future', '2027-01-01 00:00:00+00:00')",
)


def as_if_a_newer_version_had_been_here(folder: Path) -> None:
    if url := environment(folder).get("DATABASE_URL"):
        with psycopg.connect(url) as on_server:
            for statement in FUTURE:
                on_server.execute(statement)
        return
    with closing(sqlite3.connect(folder / "flowlatch.sqlite3")) as database, database:
        for statement in FUTURE:
            database.execute(statement)


def test_a_newer_database_stops_a_start_and_no_worker_that_a_running_server_replaces(
    tmp_path: Path,
) -> None:
    server = shipped.start(tmp_path, {**OWNER, "WEB_CONCURRENCY": "2"})
    key = server.do("make_key", team="acme", name="k", opens=[server.chatflow])
    as_if_a_newer_version_had_been_here(tmp_path)
    done = forks.run([*SERVE], environment(tmp_path, PORT=str(free_port()), **OWNER))
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"CommandError: The database is newer than this version, {VERSION}: Flowlatch 99.1 has "
        "changed it (accounts.9999_future). Start that version again, or put back the backup that "
        "was made before the upgrade."
    )
    first = set(workers.pids(server))
    os.kill(min(first), signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while min(first) in (now := set(workers.pids(server))) or len(now) < 2:
        assert time.monotonic() < deadline, "the dead worker was not replaced"
        time.sleep(0.05)
    assert [server.predict(key).status for _ in range(20)] == [200] * 20
    assert server.stop() == 0


def test_the_version_has_a_command_of_its_own(tmp_path: Path) -> None:
    for spelling in ("version", "--version"):
        done = forks.run(["manage.py", spelling], environment(tmp_path))
        assert (done.returncode, done.stdout, done.stderr) == (0, f"Flowlatch {VERSION}\n", "")
