"""Restore a backup into an empty installation: the ring first, then the database, or nothing."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.conf import settings

from accounts.worker import drills
from config import databases
from config.copies import checks, contents, layout
from config.copies.layout import Manifest, Refused

DRAFT = ".restoring"  # how the name of an unfinished database ends


def restore(folder: Path, *, is_drill: bool) -> Manifest:
    """Restore a backup, and return its manifest. Raises Refused; then nothing was changed."""
    manifest = checks.check(folder)
    contents.is_not_newer(manifest)
    database = settings.DATABASES["default"]
    is_postgresql = database["ENGINE"] == databases.POSTGRESQL
    if is_postgresql is not (manifest.database == layout.POSTGRESQL):
        here = layout.POSTGRESQL if is_postgresql else layout.SQLITE
        raise Refused(
            f"The backup is of {manifest.database}, and DATABASE_URL names {here}. Set "
            f"DATABASE_URL to an empty database of {manifest.database}."
        )
    ring: Path = settings.KEY_RING_PATH
    try:
        ring.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with layout.alone_in(ring.parent), _ring(folder / layout.RING, ring):
            source = folder / layout.DATABASES[manifest.database]
            marks = drills.BEGIN if is_drill else ()
            if is_postgresql:
                _into_postgresql(source, marks)
            else:
                _into_sqlite(source, Path(database["NAME"]), marks)
    except OSError as error:
        raise Refused(f"The backup can't be restored: {error.strerror}.") from error
    return manifest


@contextmanager
def _ring(source: Path, ring: Path) -> Iterator[None]:
    """Put the ring in its place, and take it away again if the block fails."""
    is_there = ring.exists()
    if is_there and ring.read_bytes() != source.read_bytes():
        raise Refused(
            f"The key ring {ring} is another one than that of the backup. Move it away, if the "
            "database that it belongs to is of no use any more."
        )
    if not is_there:
        layout.write(ring, source.read_bytes())
        layout.sync_folder(ring.parent)
    try:
        yield
    except BaseException:
        if not is_there:
            ring.unlink()
        raise


def _into_sqlite(source: Path, target: Path, marks: tuple[str, ...]) -> None:
    parts = [target.with_name(target.name + suffix) for suffix in ("", "-wal", "-shm", "-journal")]
    for path in parts:
        if path.exists() and path.stat().st_size:
            raise Refused(
                f"{path} is there already. Stop every process of Flowlatch, and move the database "
                "away with its -wal and -shm files."
            )
    draft = target.with_name(target.name + DRAFT)
    draft.unlink(missing_ok=True)
    try:
        with layout.create(draft) as number, source.open("rb") as file:
            with os.fdopen(number, "wb", closefd=False) as copy:
                shutil.copyfileobj(file, copy, layout.BLOCK)
            with closing(sqlite3.connect(draft, isolation_level=None)) as database:
                for statement in marks:
                    database.execute(statement)
        draft.rename(target)
        layout.sync_folder(target.parent)
    except sqlite3.Error as error:
        raise Refused(f"The backup can't be restored: {error}.") from None
    finally:
        draft.unlink(missing_ok=True)


def _into_postgresql(source: Path, marks: tuple[str, ...]) -> None:
    from config import postgresql  # noqa: PLC0415 (it loads a driver)
    from config.copies import postgres_copies  # noqa: PLC0415

    parameters = databases.connection_parameters(settings.DATABASES["default"])
    try:
        with postgresql.locked(parameters):  # no start fills it meanwhile
            postgres_copies.is_empty(parameters)
            postgres_copies.restore(source, parameters, "".join(f"{each};\n" for each in marks))
    except postgresql.Unfit as error:
        raise Refused(str(error)) from None
