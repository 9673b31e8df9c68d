"""What a backup is on disk: a folder with the database, the key ring and a manifest."""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FORMAT = 1  # of the manifest; a change that older versions can't read gets the next number
PRODUCT = "flowlatch"
MANIFEST, RING = "manifest.json", "keyring.json"
SQLITE, POSTGRESQL = "sqlite", "postgresql"
DATABASES = {SQLITE: "database.sqlite3", POSTGRESQL: "database.dump"}
BLOCK = 2**20  # bytes that are read at once
_NAME = re.compile(r"flowlatch-\d{8}T\d{6}Z")


class Refused(Exception):
    """Raised if a command can't go on. The message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds, by its own word. Nothing of it is secret."""

    version: str  # of Flowlatch
    made_at: datetime
    database: str  # SQLITE or POSTGRESQL
    server: str  # the version of SQLite or PostgreSQL
    migrations: dict[str, str]  # app -> the last one
    teams: int
    rows: dict[str, int]  # table -> how many
    links: dict[str, str]  # chain of the audit trail -> its last link, as verify_audit prints it
    ring: dict[str, str]  # key of the ring -> the fingerprint that the database knows it by
    files: dict[str, str]  # file -> its SHA-256


def name_at(when: datetime) -> str:
    """Return the name of a backup that is made now. Names sort by time."""
    return f"{PRODUCT}-{when:%Y%m%dT%H%M%SZ}"


def backups_in(folder: Path) -> list[Path]:
    """Return the backups of a folder, the oldest first. A backup has a manifest."""
    found = (path for path in folder.iterdir() if _NAME.fullmatch(path.name))
    return sorted(path for path in found if (path / MANIFEST).is_file())


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, the last file of a backup."""
    stored = {"product": PRODUCT, "format": FORMAT, **asdict(manifest)}
    stored["made_at"] = manifest.made_at.isoformat(timespec="seconds")
    write(folder / MANIFEST, (json.dumps(stored, indent=1) + "\n").encode())


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a backup. Raises Refused if there is none that this version knows."""
    try:
        stored: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        form = stored.pop("format")
        if stored.pop("product") != PRODUCT:
            raise ValueError
        if form != FORMAT:
            raise Refused(
                f"{folder} has a manifest of form {form}, and this version reads form {FORMAT}. "
                f"Use the version of Flowlatch that made it: {stored.get('version')}."
            )
        manifest = Manifest(**stored)
        known = DATABASES[manifest.database]
        at = datetime.fromisoformat(stored["made_at"]).astimezone(UTC)
        if set(manifest.files) != {known, RING}:
            raise ValueError
    except FileNotFoundError:
        raise Refused(f"{folder} is no backup: it has no {MANIFEST}.") from None
    except OSError as error:
        raise Refused(f"{folder} can't be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused(f"{folder / MANIFEST} is damaged. Take another backup.") from None
    return Manifest(**{**stored, "made_at": at})


def write(path: Path, content: bytes) -> None:
    """Write a new file for its owner alone, and wait until it is on the disk."""
    with create(path) as number:
        rest = memoryview(content)
        while rest:  # a disk that is nearly full takes a part
            rest = rest[os.write(number, rest) :]


@contextmanager
def create(path: Path) -> Iterator[int]:
    """Make an empty file for its owner alone. When the block ends, the file is on the disk."""
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        yield number
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other copies out of a folder while the block runs. Raises Refused."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"Another copy is being made in {folder}. Wait for its end.") from None
        yield
    finally:
        os.close(number)


def sync_folder(folder: Path) -> None:
    """Wait until the names of a folder's files are on the disk."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def digest(path: Path, then: Callable[[bytes], object] | None = None) -> str:
    """Return the SHA-256 of a file. Each block that was read is passed to `then`."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
            if then is not None:
                then(block)
    return found.hexdigest()
