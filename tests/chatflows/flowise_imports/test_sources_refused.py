"""Sources that can't be read are refused with one line, and nothing is half-imported."""

import sqlite3
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management.base import CommandError

from accounts.models import Team
from chatflows.models import Chatflow
from tests import factories
from tests.chatflows.flowise_imports import shapes
from tests.chatflows.flowise_imports.running import run
from tests.chatflows.flowise_imports.shapes import SHOP, flow_row, key_row

pytestmark = [pytest.mark.django_db, pytest.mark.fast]

CRM_ROW = key_row("k1", "crm-sync", shapes.text())

WRONG = {
    "nothing": b"",
    "text": b"hello",
    "cut.json": b'{"ChatFlow": [{"id"',
    "list.json": b'{"ChatFlow": {"id": 1}}',
    "canvas.json": b'{"nodes": [], "edges": []}',
    "empty.json": b"{}",
    "deep.json": b"[" * 100_000,
    "no.sqlite": b"no database at all",
    "head.sqlite": b"SQLite format 3\0" + bytes(200),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_source_that_is_none_is_refused_with_one_line(
    acme: Team, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(WRONG[name])
    before = factories.dump()
    with pytest.raises(CommandError) as refused:
        run(tmp_path / name)
    assert "\n" not in str(refused.value)
    assert factories.dump() == before


def test_a_truncated_or_foreign_database_and_a_missing_file_are_refused(
    acme: Team, tmp_path: Path
) -> None:
    many = [flow_row(UUID(int=n, version=4), f"Flow {n}") for n in range(300)]
    whole = shapes.database(tmp_path / "a.sqlite", many, [CRM_ROW])
    (tmp_path / "cut.sqlite").write_bytes(whole.read_bytes()[:9000])
    with sqlite3.connect(tmp_path / "foreign.sqlite") as foreign:
        foreign.execute("CREATE TABLE users (id)")
    for name in ("cut.sqlite", "foreign.sqlite", "missing.sqlite"):
        with pytest.raises(CommandError):
            run(tmp_path / name)
    assert not Chatflow.objects.of(acme).exists()


def test_an_address_that_engines_may_not_ask_is_refused_before_anything(
    acme: Team, tmp_path: Path
) -> None:
    source = shapes.database(tmp_path / "a.sqlite", [flow_row(SHOP, "Shop", "k1")], [CRM_ROW])
    before = factories.dump()
    for upstream in ("http://169.254.169.254", "ftp://x.example", "nonsense", ""):
        with pytest.raises(CommandError):
            run(source, upstream=upstream)
    assert factories.dump() == before


def test_a_locked_database_is_named_and_the_copy_is_gone(
    acme: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "copies"))
    (tmp_path / "copies").mkdir()
    source = shapes.database(tmp_path / "a.sqlite", [flow_row(SHOP, "Shop", "k1")], [CRM_ROW])
    run(source)
    monkeypatch.setattr("chatflows.services.flowise_imports.databases.PATIENCE", 0.01)
    with sqlite3.connect(source) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CommandError, match="Another program holds this database"):
            run(source)
        writer.rollback()
    assert list((tmp_path / "copies").iterdir()) == []
