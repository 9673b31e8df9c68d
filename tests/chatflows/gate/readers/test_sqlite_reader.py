"""The SQLite reader: nothing holds it up, and what it can't read is Unavailable."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from accounts.models import Team
from accounts.outages import Unavailable
from chatflows.access.decisions import Mode
from chatflows.gate.readers.sqlite import SqliteReader
from tests import factories

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="the tests' database is another"),
]


@pytest.fixture
def reader(db: None) -> Iterator[SqliteReader]:
    reader = SqliteReader(Path(str(settings.DATABASES["default"]["NAME"])))
    yield reader
    reader.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A copy of the database, to be hurt."""
    path = tmp_path / "copy.sqlite3"
    connection.ensure_connection()
    with closing(sqlite3.connect(path)) as copy:
        connection.connection.backup(copy)
        copy.execute("PRAGMA journal_mode=WAL")
    return path


def test_the_reader_cannot_write(reader: SqliteReader, acme: Team) -> None:
    async def write() -> None:
        await reader.read(None, factories.NOBODYS_ID)
        reader._select("DELETE FROM accounts_team", ())

    with pytest.raises(Unavailable, match="OperationalError"):
        asyncio.run(write())
    assert Team.objects.exists()


def test_a_writer_does_not_hold_the_reader_up(reader: SqliteReader, acme: Team) -> None:
    flow = factories.chatflow(acme, "Support")
    with closing(sqlite3.connect(settings.DATABASES["default"]["NAME"])) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE chatflows_chatflow SET access_mode = 'public'")
        access = asyncio.run(reader.read(None, flow.id)).chatflow
        assert access is not None
        assert access.mode is Mode.KEYS  # not yet committed
        writer.commit()
    access = asyncio.run(reader.read(None, flow.id)).chatflow
    assert access is not None
    assert access.mode is Mode.PUBLIC


def test_a_file_that_is_gone_is_unavailable_and_heals(acme: Team, file: Path) -> None:
    flow = factories.chatflow(acme, "Later")
    reader = SqliteReader(file)
    asyncio.run(reader.read(None, flow.id))
    away = file.rename(file.with_name("away"))
    for _ in range(2):
        with pytest.raises(Unavailable):
            asyncio.run(reader.read(None, flow.id))
    away.rename(file)
    assert asyncio.run(reader.read(None, flow.id)).secret is None
    reader.close()


def test_a_file_that_was_never_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.sqlite3"
    with pytest.raises(Unavailable):
        asyncio.run(SqliteReader(path).read(None, factories.NOBODYS_ID))
    assert not path.exists()


def test_a_replaced_file_is_what_is_read(acme: Team, file: Path) -> None:
    flow = factories.chatflow(acme, "Later")  # made after the copy
    reader = SqliteReader(file)
    assert asyncio.run(reader.read(None, flow.id)).chatflow is None
    newer = file.with_name("newer.sqlite3")
    with closing(sqlite3.connect(newer)) as copy:
        connection.connection.backup(copy)
    newer.replace(file)
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    assert asyncio.run(reader.read(None, flow.id)).chatflow is not None
    reader.close()


@pytest.mark.parametrize(
    "content", [b"", b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_damaged_file_is_unavailable(file: Path, content: bytes) -> None:
    for path in file.parent.glob("copy*"):
        path.unlink()
    file.write_bytes(content)
    with pytest.raises(Unavailable):
        asyncio.run(SqliteReader(file).read(None, factories.NOBODYS_ID))


def test_a_locked_file_is_unavailable_soon(file: Path) -> None:
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA journal_mode=DELETE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unavailable):
            asyncio.run(SqliteReader(file).read(None, factories.NOBODYS_ID))


def test_a_folder_in_its_place_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        asyncio.run(SqliteReader(tmp_path).read(None, factories.NOBODYS_ID))


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE apikeys_apikey SET scopes = 'no json'",
        "UPDATE apikeys_apikey SET expires_at = 'soon'",
        "UPDATE apikeys_keysecret SET ends_at = 'soon'",
        "UPDATE apikeys_apikey SET scopes = '7'",
    ],
)
def test_a_damaged_row_is_unavailable(
    acme: Team, damage: str, request: pytest.FixtureRequest
) -> None:
    flow = factories.chatflow(acme, "Support")
    _, text = factories.key(acme, "crm", flow)
    file: Path = request.getfixturevalue("file")
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA ignore_check_constraints = 1")
        other.execute(damage)
        other.commit()
    reader = SqliteReader(file)
    try:
        with pytest.raises(Unavailable):
            asyncio.run(reader.read(text.split("_")[2], flow.id))
    finally:
        reader.close()


def test_the_reader_serves_another_thread(reader: SqliteReader, acme: Team) -> None:
    flow = factories.chatflow(acme, "Support")
    asyncio.run(reader.read(None, flow.id))
    found: list[object] = []
    thread = threading.Thread(
        target=lambda: found.append(asyncio.run(reader.read(None, flow.id)).chatflow)
    )
    thread.start()
    thread.join()
    assert found[0] is not None


def asked(reader: SqliteReader, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that a reader makes from now on."""
    made: list[str] = []
    real = reader._select

    def noted(statement: str, values: tuple[object, ...]) -> list[tuple[object, ...]]:
        made.append("facts" if "LEFT JOIN" in statement else "version")
        return real(statement, values)

    monkeypatch.setattr(reader, "_select", noted)
    return made


def test_what_was_read_stands_until_somebody_commits(
    reader: SqliteReader, acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = factories.chatflow(acme, "Support")
    flow_id = flow.id
    asyncio.run(reader.aborts([]))  # connected
    made = asked(reader, monkeypatch)

    def mode() -> Mode | None:
        access = asyncio.run(reader.read(None, flow_id)).chatflow
        return access.mode if access is not None else None

    assert [mode(), mode(), mode()] == [Mode.KEYS] * 3
    assert made == ["version", "facts", "version", "version"]
    flow.access_mode = "off"
    flow.save()
    assert mode() is Mode.OFF
    flow.delete()
    assert [mode(), mode()] == [None, None], "and who is unknown is kept like who is known"
    assert made[4:] == ["version", "facts"] * 2 + ["version"]


def test_a_commit_between_version_and_rows_is_seen_by_the_next(
    reader: SqliteReader, acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = factories.chatflow(acme, "Support")
    real = reader._select

    def late(statement: str, values: tuple[object, ...]) -> list[tuple[object, ...]]:
        found = real(statement, values)
        if "LEFT JOIN" in statement:  # committed just after the rows were read
            monkeypatch.setattr(reader, "_select", real)
            with closing(sqlite3.connect(settings.DATABASES["default"]["NAME"])) as writer:
                writer.execute("UPDATE chatflows_chatflow SET access_mode = 'off'")
                writer.commit()
        return found

    monkeypatch.setattr(reader, "_select", late)
    asyncio.run(reader.read(None, flow.id))
    access = asyncio.run(reader.read(None, flow.id)).chatflow
    assert access is not None
    assert access.mode is Mode.OFF


def test_what_is_kept_is_bounded(reader: SqliteReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatflows.gate.readers.sqlite.MAX_KEPT", 5)
    for number in range(20):
        asyncio.run(reader.read(f"id{number}", factories.NOBODYS_ID))
        assert len(reader._kept) <= 5
