"""The SQLite reader agrees with the models in every state; what it can't read is Unavailable."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.models import Team
from accounts.secrets import Unavailable
from apikeys import credentials, key_text
from apikeys.bearer import Carrier, Presented
from apikeys.credentials import Credential, State
from apikeys.models import ApiKey, KeySecret
from apikeys.services import keys
from chatflows.decisions import Mode, RequestFacts, decide
from chatflows.gate.facts import EngineRef
from chatflows.gate.sqlite_reader import SqliteReader
from chatflows.models import Chatflow, Selection
from chatflows.services import chatflows, faq_entries
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 22, tzinfo=UTC)


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


def judged(reader: SqliteReader, text: str, chatflow_id: UUID) -> tuple[Credential, int, str]:
    """What the gate makes of a key, from the reader's facts."""
    parsed = key_text.parse(text)
    assert parsed is not None
    facts = asyncio.run(reader.read(parsed.public_id, chatflow_id))
    shown = Presented(Carrier.HEADER, text)
    credential = credentials.judge(shown, parsed, facts.secret, timezone.now())
    decision = decide(credential, facts.chatflow, RequestFacts())
    return credential, decision.status, decision.code


def test_the_reader_agrees_with_the_models_in_every_state(
    reader: SqliteReader, acme: Team, globex: Team
) -> None:
    past, future = timezone.now() - timedelta(seconds=1), timezone.now() + timedelta(days=1)
    flow = factories.chatflow(acme, "Support")
    key, text = factories.key(acme, "crm", flow)
    stranger, strange_text = factories.key(globex, "crm")
    by = factories.TESTER

    def key_is(**change: object) -> Callable[[], object]:
        return lambda: ApiKey.objects.filter(pk=key.pk).update(**change)

    def flow_is(**change: object) -> Callable[[], object]:
        return lambda: Chatflow.objects.filter(pk=flow.pk).update(**change)

    def team_is(**change: object) -> Callable[[], object]:
        return lambda: Team.objects.filter(pk=acme.pk).update(**change)

    # Each step changes the models; the reader sees it at the very next reading.
    steps: list[tuple[Callable[[], object], State, int, str]] = [
        (lambda: None, State.GOOD, 200, "ok"),
        (key_is(disabled_at=past), State.DISABLED, 401, "invalid_token"),
        (key_is(disabled_at=None), State.GOOD, 200, "ok"),
        (key_is(expires_at=past), State.EXPIRED, 401, "invalid_token"),
        (key_is(expires_at=future), State.GOOD, 200, "ok"),
        (key_is(expires_at=None), State.GOOD, 200, "ok"),
        (key_is(scopes=[]), State.GOOD, 403, "insufficient_scope"),
        (key_is(scopes=["predictions:create"]), State.GOOD, 200, "ok"),
        (team_is(suspended_at=past), State.TEAM_SUSPENDED, 401, "invalid_token"),
        (team_is(suspended_at=None), State.GOOD, 200, "ok"),
        (Selection.objects.all().delete, State.GOOD, 403, "key_not_selected"),
        (flow_is(access_mode="public"), State.GOOD, 200, "ok"),
        (flow_is(access_mode="off"), State.GOOD, 403, "key_not_selected"),
        (lambda: chatflows.select(key, [flow.id], by), State.GOOD, 403, "chatflow_off"),
        (flow_is(access_mode="keys"), State.GOOD, 200, "ok"),
        (lambda: keys.issue(key, by, replace=True), State.REVOKED, 401, "invalid_token"),
        (lambda: KeySecret.objects.update(ends_at=future), State.GOOD, 200, "ok"),
        (lambda: KeySecret.objects.update(ends_at=None), State.GOOD, 200, "ok"),
        (lambda: KeySecret.objects.update(pepper_version=1), State.GOOD, 200, "ok"),
        (key_is(deleted_at=past), State.REVOKED, 401, "invalid_token"),
        (key_is(deleted_at=None), State.GOOD, 200, "ok"),
        (lambda: Chatflow.objects.filter(pk=flow.pk).delete(), State.GOOD, 404, "not_found"),
        (lambda: ApiKey.objects.filter(pk=key.pk).delete(), State.UNKNOWN, 401, "invalid_token"),
    ]
    for number, (change, state, status, code) in enumerate(steps):
        strange = judged(reader, strange_text, flow.id)
        assert strange[1:] == (404, "not_found"), number
        change()
        credential, *answer = judged(reader, text, flow.id)
        assert (credential.state, *answer) == (state, status, code), number
    assert stranger.is_usable


def test_every_field_is_read_as_the_models_hold_it(reader: SqliteReader, acme: Team) -> None:
    flow = factories.chatflow(acme, "Support", mode="public", key_in_url=True)
    key, _ = factories.key(acme, "crm 🔑", flow)
    ends, expires = NOW + timedelta(microseconds=123456), NOW + timedelta(days=3, seconds=1)
    KeySecret.objects.update(ends_at=ends)
    ApiKey.objects.filter(pk=key.pk).update(expires_at=expires)
    stored = KeySecret.objects.get(key=key)
    facts = asyncio.run(reader.read(stored.public_id, flow.id))
    secret, access = facts.secret, facts.chatflow
    assert secret is not None
    assert access is not None
    assert (secret.digest, secret.pepper_version) == (stored.digest, stored.pepper_version)
    assert (secret.secret_ends_at, secret.expires_at) == (ends, expires)
    assert (secret.key_id, secret.key_name, secret.team_id) == (key.id, "crm 🔑", acme.id)
    assert secret.public_id == stored.public_id
    assert secret.scopes == {"predictions:create"}
    assert not secret.is_deleted
    assert not secret.is_disabled
    assert not secret.is_team_suspended
    assert (access.id, access.team_id, access.mode) == (flow.id, acme.id, Mode.PUBLIC)
    assert (access.is_key_selected, access.allow_key_in_url) == (True, True)
    assert facts.engine == EngineRef("faq", flow.engine_version)


@pytest.mark.parametrize("day", ["whole second", "microseconds"])
def test_moments_keep_their_zone(reader: SqliteReader, acme: Team, day: str) -> None:
    moment = NOW.replace(microsecond=0 if day == "whole second" else 1)
    key, _ = factories.key(acme, "crm")
    ApiKey.objects.filter(pk=key.pk).update(expires_at=moment)
    facts = asyncio.run(reader.read(KeySecret.objects.get(key=key).public_id, factories.NOBODYS_ID))
    assert facts.secret is not None
    assert facts.secret.expires_at == moment


def test_what_is_not_asked_or_not_there_is_none(reader: SqliteReader, acme: Team) -> None:
    flow = factories.chatflow(acme, "Support")
    nothing = asyncio.run(reader.read(None, factories.NOBODYS_ID))
    assert (nothing.secret, nothing.chatflow, nothing.engine) == (None, None, None)
    assert asyncio.run(reader.read("AAAAAAAAAAAA", flow.id)).secret is None
    access = asyncio.run(reader.read(None, flow.id)).chatflow
    assert access is not None
    assert not access.is_key_selected


def test_a_key_without_a_secret_is_never_found(reader: SqliteReader, acme: Team) -> None:
    flow = factories.chatflow(acme, "Support")
    for text in ("", "DefaultKey", "' OR 1=1 --", "%", "\0"):
        assert asyncio.run(reader.read(text, flow.id)).secret is None


def test_the_faq_is_read_in_order_and_renewed_by_version(reader: SqliteReader, acme: Team) -> None:
    flow = factories.chatflow(acme, "Support")
    for name in ("b", "a", "c"):
        faq_entries.add(flow, name, name.upper(), factories.TESTER)
    faq_entries.set_fallback(flow, "Sorry.", factories.TESTER)
    source = asyncio.run(reader.engine_source(flow.id))
    entries, fallback = list(source.entries), source.fallback
    assert [entry.question for entry in entries] == ["b", "a", "c"]
    assert fallback == "Sorry."
    engine = asyncio.run(reader.read(None, flow.id)).engine
    assert engine is not None
    assert engine.version == Chatflow.objects.get(pk=flow.pk).engine_version == 5
    with pytest.raises(Unavailable):
        asyncio.run(reader.engine_source(factories.NOBODYS_ID))


def test_the_reader_cannot_write(reader: SqliteReader, acme: Team) -> None:
    with pytest.raises(Unavailable):
        reader._select("DELETE FROM accounts_team", ())
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
