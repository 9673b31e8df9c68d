"""What a database holds, for the manifest and to compare two databases: read by plain SQL."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.db.migrations.loader import MigrationLoader

from accounts.crypto import digests, keyring
from config.copies.layout import Manifest, Refused

# Their rows are made anew where they are missing.
NOT_COUNTED = ("sqlite_sequence", "sqlite_stat1", "sqlite_stat4", "django_cache")


class Database(Protocol):
    """A connection of `sqlite3` or of `psycopg`."""

    def execute(self, query: Any, /) -> Any:
        """Run a statement, and return a cursor."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The part of a manifest that is read from the database."""

    migrations: dict[str, str]
    teams: int
    rows: dict[str, int]
    links: dict[str, str]
    ring: dict[str, str]


def read(database: Database, tables: Iterable[str]) -> Contents:
    """Read what the database holds, in the transaction that is open. Raises Refused if too little.

    `tables` are all that there are.
    """
    names = set(tables)
    if not {"accounts_team", "accounts_ringkey", "django_migrations"} <= names:
        raise Refused("The database has no tables of Flowlatch. Start Flowlatch once: make run")
    applied = database.execute("SELECT app, max(name) FROM django_migrations GROUP BY app")
    heads = database.execute("SELECT team_id, sequence, mac FROM accounts_audithead")
    keys = database.execute("SELECT purpose, version, fingerprint FROM accounts_ringkey")
    return Contents(
        migrations=dict(sorted(applied.fetchall())),
        teams=count(database, "accounts_team"),
        rows={name: count(database, name) for name in sorted(names - {*NOT_COUNTED})},
        links={_plain(team): f"{number}:{mac}" for team, number, mac in heads.fetchall()},
        ring={f"{purpose} {version}": mark for purpose, version, mark in keys.fetchall()},
    )


def count(database: Database, table: str) -> int:
    """Return how many rows a table has."""
    (found,) = database.execute(f'SELECT count(*) FROM "{table}"').fetchone()  # noqa: S608 (ours)
    return int(found)


def fits(ring: Path, known: dict[str, str]) -> None:
    """Raise Refused or KeyRingError unless the ring is the one that a database was written with."""
    held = {
        f"{purpose.value} {version}": digests.key_fingerprint(key)
        for purpose, keys in keyring.load(ring).keys.items()
        for version, key in keys.items()
    }
    if not known or any(held.get(name) != mark for name, mark in known.items()):
        raise Refused(f"The key ring {ring} is not the one that the database was written with.")


def is_not_newer(manifest: Manifest) -> None:
    """Raise Refused if a backup is from a newer version than this one."""
    disk = MigrationLoader(None).disk_migrations
    ours = {app for app, _ in disk}
    unknown = [
        f"{app}.{name}"
        for app, name in manifest.migrations.items()
        if app in ours and (app, name) not in disk
    ]
    if unknown or _number(manifest.version) > _number(settings.VERSION):
        because = f" (it has {unknown[0]})" if unknown else ""
        raise Refused(
            f"The backup was made by Flowlatch {manifest.version}{because}, and this is "
            f"{settings.VERSION}. Install that version or a newer one, then restore."
        )


def is_older(manifest: Manifest) -> bool:
    """Whether the tables of a backup lack migrations of this version."""
    leaves = dict(MigrationLoader(None).graph.leaf_nodes())
    return leaves != manifest.migrations


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _plain(team_id: object) -> str:
    return str(team_id).replace("-", "")  # SQLite has no type for it
