"""Parts: each part that is missing is named, and nothing else."""

from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.crypto import keyring
from accounts.health import parts
from accounts.health.parts import Parts
from accounts.models import RingKey

pytestmark = pytest.mark.django_db

LATEST = "INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, '2026-11-27')"


def look() -> Parts:
    return parts.look(lambda _: None)


def run(sql: str, *values: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def test_nothing_is_missing() -> None:
    assert look() == Parts(())


def test_what_is_not_known_yet_is_named_first() -> None:
    noted: list[Parts] = []
    parts.look(noted.append)
    assert noted == [Parts(("database",)), Parts(("read_only",))]


def test_a_database_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> set[tuple[str, str]]:
        raise DatabaseError("canary")

    monkeypatch.setattr(parts, "_applied", fail)
    assert look() == Parts(("database",))


def test_a_database_that_takes_no_changes() -> None:
    if connection.vendor == "postgresql":
        run("SET TRANSACTION READ ONLY")
        assert look() == Parts(("read_only",))
        return
    run("PRAGMA query_only = 1")
    try:
        assert look() == Parts(("read_only",))
    finally:
        run("PRAGMA query_only = 0")


def test_another_ring_or_none(settings: Any, tmp_path: Path) -> None:
    key = RingKey.objects.create(purpose="pepper", version=1, fingerprint="another")
    assert look() == Parts(("ring",))
    key.delete()
    assert look() == Parts(())
    settings.KEY_RING_PATH = tmp_path / "keyring.json"
    assert look() == Parts(("ring",))
    keyring.create(settings.KEY_RING_PATH)
    assert look() == Parts(())


def test_older_tables_are_missing_and_newer_ones_are_told() -> None:
    with transaction.atomic():
        run(
            "DELETE FROM django_migrations WHERE app = %s AND name = %s", "accounts", "0001_initial"
        )
        assert look() == Parts(("migrations",))
        run(LATEST, "accounts", "0001_initial")
    run(LATEST, "accounts", "9999_future")
    assert look() == Parts((), is_newer=True)
