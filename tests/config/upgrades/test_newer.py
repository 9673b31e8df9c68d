"""A database that a newer version has changed is refused by an older one."""

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from config.environment.version import VERSION
from config.models import ServedVersion
from config.upgrades import newer
from config.upgrades.newer import Newer

pytestmark = pytest.mark.django_db


def applied(*names: str) -> MigrationLoader:
    """What is applied to this database, and these."""
    loader = MigrationLoader(connection)
    for name in names:
        app, _, migration = name.partition(".")
        loader.applied_migrations[app, migration] = None  # type: ignore[assignment]
    return loader


def test_a_database_of_this_version_is_taken() -> None:
    newer.refuse(applied())


def test_a_newer_database_is_refused_by_the_name_of_its_version_and_migration() -> None:
    newer.remember()
    for version in ("0.10.0", "0.9.0", "0.1.0"):
        ServedVersion.objects.create(version=version)
    with pytest.raises(Newer) as refused:
        newer.refuse(applied("accounts.9999_future"))
    assert str(refused.value) == (
        f"The database is newer than this version, {VERSION}: Flowlatch 0.10.0 has changed it "
        "(accounts.9999_future). Start that version again, or put back the backup that was made "
        "before the upgrade."
    )


def test_many_migrations_are_counted_and_an_unknown_version_is_not_guessed() -> None:
    newer.remember()
    names = [f"chatflows.{number}_future" for number in range(9990, 9995)]
    with pytest.raises(Newer, match=r"another version has changed it \(.*9992_future and 2 more\)"):
        newer.refuse(applied(*names))


def test_a_version_is_remembered_once() -> None:
    newer.remember()
    newer.remember()
    assert [str(each) for each in ServedVersion.objects.all()] == [VERSION]
