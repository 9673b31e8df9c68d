"""Changes of the key-ring file: add a version, use it, let go of older ones. Pure.

Each change replaces the whole file at once: whoever reads it meanwhile, and whoever starts after a
crash, finds the ring from before or from after.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from accounts.crypto import keyring
from accounts.crypto.keyring import KeyRing, KeyRingError, Purpose

Stored = dict[str, Any]


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep every other change of this file out. Raises KeyRingError if one is at work."""
    import fcntl  # noqa: PLC0415 (not on Windows)

    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise KeyRingError(
            f"Another command changes the key ring {path} now. Wait until it ends, and try again."
        ) from None
    finally:
        os.close(folder)  # which ends the lock too


def add(path: Path, purpose: Purpose, version: int) -> KeyRing:
    """Add a version that is not used yet. Raises KeyRingError."""

    def change(stored: Stored) -> None:
        stored.setdefault("added", {})[purpose.value] = {str(version): keyring.new_key()}

    return _change(path, change)


def use(path: Path, purpose: Purpose) -> KeyRing:
    """Use the version that was added. Raises KeyRingError."""

    def change(stored: Stored) -> None:
        stored["keys"][purpose.value].update(stored["added"].pop(purpose.value))

    return _change(path, change)


def retire(path: Path, purpose: Purpose) -> KeyRing:
    """Let go of all versions that are older than the one in use. Raises KeyRingError."""

    def change(stored: Stored) -> None:
        newest = max(stored["keys"][purpose.value], key=int)
        stored["keys"][purpose.value] = {newest: stored["keys"][purpose.value][newest]}

    return _change(path, change)


def _change(path: Path, change: Callable[[Stored], None]) -> KeyRing:
    keyring.read(path)  # whole, and ours
    try:
        stored = json.loads(path.read_bytes())
        change(stored)
        draft = keyring.write_draft(path, stored)
        try:
            _give(draft, path.stat())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        _write_through(path.parent)
    except OSError as error:
        raise KeyRingError(f"The key ring {path} can't be written: {error.strerror}.") from error
    return keyring.read(path)


def _give(draft: Path, status: os.stat_result) -> None:
    # root may run the command: the ring stays the server's.
    if (os.geteuid(), os.getegid()) != (status.st_uid, status.st_gid):
        os.chown(draft, status.st_uid, status.st_gid)


def _write_through(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    with suppress(OSError):  # some file systems can't; the new name is there all the same
        os.fsync(number)
    os.close(number)
