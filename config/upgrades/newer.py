"""A database that a newer version has changed: an older one must not be started on it."""

from collections.abc import Iterable

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from packaging.version import Version

from config.environment.version import VERSION
from config.models import ServedVersion

SHOWN = 3  # migrations that a message names


class Newer(Exception):
    """Raised for a database that is newer than the code. The message says what to do."""


def refuse(loader: MigrationLoader) -> None:
    """Raise Newer if the database has migrations that this version lacks.

    Such a database may hold what this version reads wrongly, or forgets to write.
    """
    known = {*loader.disk_migrations, *loader.replacements}
    unknown = sorted(".".join(key) for key in loader.applied_migrations if key not in known)
    if not unknown:
        return
    more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
    raise Newer(
        f"The database is newer than this version, {VERSION}: {_by()} has changed it "
        f"({', '.join(unknown[:SHOWN])}{more}). Start that version again, or put back the backup "
        "that was made before the upgrade."
    )


def remember() -> None:
    """Note that this version has prepared the database."""
    ServedVersion.objects.get_or_create(version=VERSION)


def _by() -> str:
    table = ServedVersion._meta.db_table
    if table not in connection.introspection.table_names():
        return "another version"
    newest = _newest(ServedVersion.objects.values_list("version", flat=True))
    return f"Flowlatch {newest}" if newest else "another version"


def _newest(versions: Iterable[str]) -> str:
    newer = [each for each in versions if Version(each) > Version(VERSION)]
    return max(newer, key=Version, default="")
