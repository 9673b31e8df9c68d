"""Backups of a gigabyte while the server works, and the move of a million calls to PostgreSQL."""

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests import postgres
from tests.postgres import Postgres
from tests.server import shipped
from tests.server.forks import ROOT

MEGABYTES, CALLS, AUDIT_ROWS = 1024, 1_000_000, 100_000
MOST = {"sqlite": 20.0, "postgresql": 60.0}  # seconds for a backup
MOST_DELAYED, MOST_MOVED = 0.5, 300.0  # seconds
WRITE_EVERY = 0.02  # seconds
WRITE = """
    INSERT INTO accounts_lease (name, holder, expires_at) VALUES ('write', 'x', '2026-01-01 00:00')
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder
"""


@dataclass
class Writer:
    """Commits a change again and again, and notes how long each took."""

    env: dict[str, str]
    delays: list[float] = field(default_factory=list)
    _ending: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Write until the end."""
        with self._opened() as database:
            while not self._ending.wait(WRITE_EVERY):
                began = time.monotonic()
                database.execute(WRITE)
                self.delays.append(time.monotonic() - began)

    def end(self) -> None:
        """Stop."""
        self._ending.set()

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        if url := self.env.get("DATABASE_URL"):
            with psycopg.connect(url, autocommit=True) as server:
                yield server
            return
        import sqlite3

        name = f"{self.env['FLOWLATCH_DATA']}/flowlatch.sqlite3"
        database = sqlite3.connect(name, timeout=30, isolation_level=None)
        database.execute("PRAGMA synchronous = FULL")
        yield database
        database.close()


def backup_sqlite(scale: float) -> None:
    """Back up a gigabyte of SQLite while the server answers and writes."""
    with tempfile.TemporaryDirectory() as folder:
        _backup(Path(folder), "sqlite", {"DATABASE_URL": ""}, scale)


def backup_postgresql(scale: float) -> None:
    """Back up a gigabyte of PostgreSQL while the server answers and writes."""
    with tempfile.TemporaryDirectory() as folder, Postgres() as server:
        env = {"DATABASE_URL": server.url, "PATH": f"{server.programs}:/usr/bin:/bin"}
        _backup(Path(folder), "postgresql", env, scale)


def move(scale: float) -> None:
    """Move calls and audit rows from SQLite to PostgreSQL."""
    with tempfile.TemporaryDirectory() as folder, Postgres() as server:
        data = Path(folder) / "data"
        shipped.start(data, {**shipped.OWNER, "DATABASE_URL": ""}).stop()
        env = shipped.environment(data, DATABASE_URL="")
        _run(env, "-m", "tests.drill.filling", *_size(CALLS, AUDIT_ROWS, 0, scale))
        url = postgres.create_database(server.url, "moved")
        began = time.monotonic()
        print(_run(env, "manage.py", "move_to", url), end="")
        took = time.monotonic() - began
        with psycopg.connect(url) as connection:
            counts = [
                connection.execute(f"SELECT count(*) FROM {table}").fetchone()
                for table in ("chatflows_call", "accounts_auditevent")
            ]
        print(f"{counts} calls and audit rows moved in {took:.1f} s (at most {MOST_MOVED:.0f} s)")
        print(_run({**env, "DATABASE_URL": url}, "manage.py", "verify_audit"), end="")
        assert scale < 1 or took < MOST_MOVED


def _backup(folder: Path, kind: str, env: dict[str, str], scale: float) -> None:
    server = shipped.start(folder / "data", {**shipped.OWNER, **env}, is_fork=False)
    _run(server.env, "-m", "tests.drill.filling", *_size(0, 1000 / scale, MEGABYTES, scale))
    writer = Writer({**server.env})
    thread = threading.Thread(target=writer.run)
    thread.start()
    try:
        time.sleep(2 if scale == 1 else 0)  # what a write takes without a backup
        before = [*writer.delays]
        began = time.monotonic()
        print(_run(server.env, "manage.py", "backup", str(folder / "backups")), end="")
        took = time.monotonic() - began
    finally:
        writer.end()
        thread.join()
    assert server.predict().status == 401
    assert server.stop() == 0
    (made,) = (folder / "backups").iterdir()
    size = sum(path.stat().st_size for path in made.iterdir()) / 2**20
    worst, usual = max(writer.delays), max(before, default=0.0)
    print(
        f"{kind}: {size:.0f} MiB in {took:.1f} s (at most {MOST[kind]:.0f} s); the slowest of "
        f"{len(writer.delays)} writes took {worst * 1000:.0f} ms (at most "
        f"{MOST_DELAYED * 1000:.0f} ms), {usual * 1000:.0f} ms before it began"
    )
    assert scale < 1 or (took < MOST[kind] and worst < MOST_DELAYED)


def _size(calls: float, audit_rows: float, megabytes: float, scale: float) -> list[str]:
    return [str(round(number * scale)) for number in (calls, audit_rows, megabytes)]


def _run(env: dict[str, str], *program: str) -> str:
    done = subprocess.run(
        [sys.executable, *program], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
