"""Locks of another process on the WAL index: the SQLite reader never waits for them in the loop."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from accounts import sqlite_files
from accounts.models import Team
from accounts.outages import Unavailable
from chatflows.gate.readers import shm_locks, sqlite
from chatflows.gate.readers.facts import Facts
from chatflows.gate.readers.sqlite import SqliteReader
from tests import factories

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="the tests' database is another"),
    pytest.mark.skipif(sys.platform != "linux", reason="locks are looked at on Linux alone"),
]
PATIENCE = 30  # seconds until a test that would hang fails
HOLD = """
import fcntl, sys
with open(sys.argv[1], "r+b") as shm:
    fcntl.lockf(shm, fcntl.LOCK_EX, 4, 124)
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def reader(db: None) -> Iterator[SqliteReader]:
    connection.ensure_connection()
    with closing(SqliteReader(Path(str(settings.DATABASES["default"]["NAME"])))) as reader:
        yield reader


@contextmanager
def held() -> Iterator[None]:
    """Have another process hold the four bytes of readers."""
    shm = str(settings.DATABASES["default"]["NAME"]) + "-shm"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, shm], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        yield
        other.kill()


def test_no_statement_is_made_while_somebody_holds_locks(reader: SqliteReader, acme: Team) -> None:
    flow = factories.chatflow(acme, "Support")

    async def story() -> None:
        await reader.read(None, flow.id)
        assert reader._connection is not None
        made: list[str] = []
        reader._connection.set_trace_callback(made.append)
        reader._close_look_at = float("inf")  # as right after a reading
        with held():
            for reading in (
                reader.read(None, flow.id),
                reader.engine_source(flow.id),
                reader.models(acme.id, flow.id),
                reader.aborts([str(flow.id)]),
            ):
                with pytest.raises(Unavailable):
                    await reading
            assert await soon(reader, flow) is None
            assert made == []
        assert (await reader.read(None, flow.id)).chatflow is not None
        assert made

    asyncio.run(story())


def test_locks_of_a_moment_refuse_nobody(
    reader: SqliteReader, acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that begins the log anew holds them for a moment, in ordinary work."""
    flow = factories.chatflow(acme, "Support")
    looks = 0

    def every_other(shm: int) -> bool:
        nonlocal looks
        looks += 1
        return looks % 2 == 0

    async def story() -> None:
        await reader.read(None, flow.id)
        monkeypatch.setattr(shm_locks, "is_held", every_other)
        for _ in range(2):
            assert (await reader.read(None, flow.id)).chatflow is not None
            assert (await soon(reader, flow)) is not None
            await reader.engine_source(flow.id)
            await reader.models(acme.id, flow.id)
            await reader.aborts([str(flow.id)])

    asyncio.run(story())
    assert looks > 12


async def soon(reader: SqliteReader, flow: Any) -> Facts | None:
    answer: asyncio.Future[Facts | None] = asyncio.get_running_loop().create_future()
    reader.read_soon(None, flow.id, answer.set_result)
    return await answer


def test_a_new_connection_is_made_beside_the_loop(
    reader: SqliteReader, acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = factories.chatflow(acme, "Support")
    threads, may_go_on, connect = list[threading.Thread](), threading.Event(), sqlite._connect

    def slow(path: Path) -> Any:
        threads.append(threading.current_thread())
        assert may_go_on.wait(PATIENCE)
        return connect(path)

    monkeypatch.setattr(sqlite, "_connect", slow)
    monkeypatch.setattr(sqlite, "CONNECT_WITHIN", 0.05)

    async def story() -> None:
        assert await soon(reader, flow) is None
        with pytest.raises(Unavailable):
            await reader.read(None, flow.id)
        may_go_on.set()
        monkeypatch.setattr(sqlite, "CONNECT_WITHIN", PATIENCE)
        for found in (await reader.read(None, flow.id), await soon(reader, flow)):
            assert found is not None
            assert found.chatflow is not None

    asyncio.run(story())
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


def test_a_connection_that_nobody_takes_over_is_closed(
    reader: SqliteReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on, connect = threading.Event(), sqlite._connect

    def slow(path: Path) -> Any:
        assert may_go_on.wait(PATIENCE)
        return connect(path)

    monkeypatch.setattr(sqlite, "_connect", slow)

    async def begin() -> sqlite._Made:
        with pytest.raises(Unavailable):
            reader._open()
        assert reader._making is not None
        return reader._making

    made = asyncio.run(begin())
    reader.close()
    closed = threading.Event()
    made.add_done_callback(lambda _: closed.set())  # called after the one that closes
    may_go_on.set()
    assert closed.wait(PATIENCE)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        made.result()[0].execute("SELECT 1")


@pytest.mark.parametrize("listed", [None, ("0", "1", "2")])
def test_where_descriptors_are_not_listed_files_are_compared_alone(
    reader: SqliteReader,
    acme: Team,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    listed: tuple[str, ...] | None,
) -> None:
    folder = tmp_path / "fd"
    for name in listed or ():
        folder.mkdir(exist_ok=True)
        (folder / name).touch()
    monkeypatch.setattr(sqlite_files, "_DESCRIPTORS", str(folder))
    monkeypatch.setattr(sqlite_files, "_last", -1)
    sqlite_files._lists_descriptors.cache_clear()
    told: list[str] = []
    monkeypatch.setattr(sqlite_files.log, "warning", lambda event, **_: told.append(event))
    try:
        flow = factories.chatflow(acme, "Support")  # through Django's connection, which looks too
        assert asyncio.run(reader.read(None, flow.id)).chatflow is not None
        assert sqlite_files.identity(reader._name) == reader._files
        assert sqlite_files.is_whole(sqlite_files.identity(reader._name))
        assert told == ["descriptors can't be listed"]
    finally:
        sqlite_files._lists_descriptors.cache_clear()
