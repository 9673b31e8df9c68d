"""Make a backup while Flowlatch runs: all of it appears under its name at the end, or nothing."""

import errno
import shutil
import sqlite3
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from config import databases
from config.copies import checks, contents, layout, sqlite_copies
from config.copies.contents import Contents
from config.copies.layout import Manifest, Refused

PARTIAL = ".partial-"  # how the folder of an unfinished backup begins


def make(folder: Path) -> Path:
    """Make a backup in a folder that collects them, check it, and return it. Raises Refused."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with layout.alone_in(folder):
            for path in folder.glob(f"{PARTIAL}*"):  # was cut off: nobody writes to it now
                shutil.rmtree(path)
            made = _make(folder)
    except OSError as error:
        full = "The disk is full. Make room, or name a folder on another disk"
        reason = full if error.errno == errno.ENOSPC else error.strerror
        raise Refused(f"No backup was made in {folder}: {reason}.") from error
    return made


def prune(folder: Path, keep: int) -> list[Path]:
    """Delete all but the newest backups of a folder, and return those that are gone.

    Raises Refused.
    """
    gone = layout.backups_in(folder)[:-keep]
    try:
        for path in gone:
            _delete(path)
    except OSError as error:
        raise Refused(f"An old backup can't be deleted: {error.strerror}.") from error
    return gone


def _make(folder: Path) -> Path:
    now = datetime.now(UTC)
    final = folder / layout.name_at(now)
    if final.exists():
        raise Refused(f"{final} was made in this second. Try again.")
    partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=folder))  # 0700
    try:
        _fill(partial, now)
        partial.rename(final)
        layout.sync_folder(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return final


def _fill(folder: Path, now: datetime) -> None:
    ring = _ring()
    kind, found, server = _database(folder)
    if _ring() != ring:
        raise Refused("The key ring changed while the database was copied. Try again.")
    contents.fits(settings.KEY_RING_PATH, found.ring)
    layout.write(folder / layout.RING, ring)
    names = (layout.DATABASES[kind], layout.RING)
    manifest = Manifest(
        version=settings.VERSION,
        made_at=now,
        database=kind,
        server=server,
        files={name: layout.digest(folder / name) for name in names},
        **asdict(found),
    )
    layout.write_manifest(folder, manifest)
    layout.sync_folder(folder)
    checks.is_whole(folder, manifest)


def _ring() -> bytes:
    path: Path = settings.KEY_RING_PATH
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"The key ring {path} can't be read: {error.strerror}.") from None


def _database(folder: Path) -> tuple[str, Contents, str]:
    """Copy the database. Return its kind, what the copy holds, and the version of its server."""
    database = settings.DATABASES["default"]
    if database["ENGINE"] == databases.POSTGRESQL:
        from config.copies import postgres_copies  # noqa: PLC0415 (it loads a driver)

        parameters = databases.connection_parameters(database)
        target = folder / layout.DATABASES[layout.POSTGRESQL]
        return layout.POSTGRESQL, *postgres_copies.copy(parameters, target)
    target = folder / layout.DATABASES[layout.SQLITE]
    sqlite_copies.copy(Path(database["NAME"]), target)
    return layout.SQLITE, sqlite_copies.read(target), sqlite3.sqlite_version


def _delete(backup: Path) -> None:
    # Without its manifest it is no backup any more, however far this comes.
    (backup / layout.MANIFEST).unlink()
    shutil.rmtree(backup)
