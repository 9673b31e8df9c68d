"""The key-ring file: versioned 256-bit keys by purpose, outside the database, mode 0600. Pure."""

import base64
import json
import os
import re
import secrets
import shlex
import stat
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

KEY_BYTES = 32
FORMAT = 1  # of the file; a ring of a later format is refused
MOST_BYTES = 1024 * 1024
PUT_BACK = (
    "Put it back from your backup, or, on a new machine, copy it from one that serves already."
)
_VERSION = re.compile(r"[1-9][0-9]{0,8}")

Keys = dict["Purpose", dict[int, bytes]]
# By which a file is known to be as it was: inode, size and times of the last change.
Mark = tuple[int, int, int, int]


class Purpose(StrEnum):
    """What a key of the ring is for. One key never serves two purposes."""

    PEPPER = "pepper"
    ENCRYPTION = "encryption"
    AUDIT = "audit"
    SIGNING = "signing"


class KeyRingError(Exception):
    """The ring can't be used; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """All keys: purpose -> version (1, 2, ...) -> 32 bytes. Its repr shows no key.

    The newest version of `keys` is the one in use. Those of `added` are known and not used yet: a
    release that doesn't know them goes on with the version in use.
    """

    keys: Keys
    added: Keys = field(default_factory=dict)
    mark: Mark | None = field(default=None, compare=False)

    def current(self, purpose: Purpose) -> tuple[int, bytes]:
        """Return the version in use of a purpose and its key."""
        version = max(self.keys[purpose])
        return version, self.keys[purpose][version]

    def get(self, purpose: Purpose, version: int) -> bytes | None:
        """Return the key of one version, or None if the ring does not hold it."""
        return self.keys[purpose].get(version) or self.added.get(purpose, {}).get(version)

    def every(self, purpose: Purpose) -> dict[int, bytes]:
        """Return all versions of a purpose with their keys, the one in use first."""
        version, key = self.current(purpose)
        return {version: key} | self.keys[purpose] | self.added.get(purpose, {})

    def signing_fallbacks(self) -> list[str]:
        """Return the signing keys that are not in use, as Django's SECRET_KEY_FALLBACKS."""
        _, *others = self.every(Purpose.SIGNING).values()
        return [key.hex() for key in others]

    def goes_on_from(self, other: "KeyRing") -> bool:
        """Whether this is a later state of another ring: they share keys, and none differs."""
        both = [
            (key, other.get(purpose, version))
            for purpose in Purpose
            for version, key in self.every(purpose).items()
        ]
        shared = [key == held for key, held in both if held is not None]
        return bool(shared) and all(shared)


def create(path: Path) -> KeyRing:
    """Make a new ring at `path`. Never replaces one. Raises KeyRingError if it can't be written."""
    stored = {p.value: {"1": new_key()} for p in Purpose}
    try:
        draft = write_draft(path, {"keys": stored})
    except OSError as error:
        raise KeyRingError(f"The key ring {path} can't be written: {error.strerror}.") from error
    try:
        os.link(draft, path)  # fails where a ring exists, so a whole file appears or nothing
    except FileExistsError:
        pass  # another start was quicker: its ring counts
    except OSError as error:
        raise KeyRingError(f"The key ring {path} can't be written: {error.strerror}.") from error
    finally:
        draft.unlink(missing_ok=True)
    forget()
    return load(path)


_held: dict[Path, KeyRing] = {}


def load(path: Path) -> KeyRing:
    """Return the ring that this process holds, which is read once. Raises KeyRingError."""
    ring = _held.get(path)
    if ring is None:
        ring = _held[path] = read(path)
    return ring


def hold(path: Path, ring: KeyRing) -> None:
    """Let this process hold another ring."""
    _held[path] = ring


def forget() -> None:
    """Let the next `load` read the file again."""
    _held.clear()


def read(path: Path) -> KeyRing:
    """Read the file. Raises KeyRingError if it is missing, open to others, or damaged."""
    try:
        text, status = _content(path)
    except FileNotFoundError:
        raise KeyRingError(f"The key ring {path} is missing. {PUT_BACK}") from None
    except OSError as error:
        raise KeyRingError(f"The key ring {path} can't be read: {error.strerror}.") from error
    _check_rights(path, status)
    try:
        stored = json.loads(text)
        later = stored.get("format", FORMAT) != FORMAT
        keys = {} if later else _keys(stored["keys"], Purpose)
        added = {} if later else _keys(stored.get("added", {}), ())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # The parser's message could quote a key: it stays out of ours.
        raise KeyRingError(f"The key ring {path} is damaged. {PUT_BACK}") from None
    if later:
        raise KeyRingError(
            f"The key ring {path} was written by another release of Flowlatch. Start that one, or "
            "put back the ring that belongs to this one from your backup."
        )
    if not all(keys.values()):
        raise KeyRingError(f"The key ring {path} lacks a key. {PUT_BACK}")
    return KeyRing(keys, added, mark(status))


def signing_key(path: Path, fallbacks: list[str]) -> str:
    """Return Django's SECRET_KEY, and fill the list of its fallbacks. Raises KeyRingError."""
    ring = load(path)
    fallbacks[:] = ring.signing_fallbacks()
    return ring.current(Purpose.SIGNING)[1].hex()


def mark(status: os.stat_result) -> Mark:
    """Return what changes with each change of a file."""
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def new_key() -> str:
    """Make a key, as the file holds it."""
    return _encode(secrets.token_bytes(KEY_BYTES))


def write_draft(path: Path, stored: Mapping[str, Any]) -> Path:
    """Write a ring beside `path`, for the owner alone, and return where. Raises OSError."""
    # mkstemp makes it 0600 under a name that no killed process has left behind.
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(number, "w") as file:
            json.dump({"format": FORMAT, **stored}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        Path(name).unlink()
        raise
    return Path(name)


def _content(path: Path) -> tuple[bytes, os.stat_result]:
    # A pipe in its place would otherwise be waited for.
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with open(number, "rb") as file:  # noqa: PTH123 (a descriptor)
        status = os.fstat(number)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is no file")
        return file.read(MOST_BYTES), status


def _check_rights(path: Path, status: os.stat_result) -> None:
    if sys.platform == "win32":
        return
    import pwd  # noqa: PLC0415 (not on Windows)

    if status.st_mode & 0o077:
        raise KeyRingError(
            f"The key ring {path} is open to other users of this machine. Close it to them by "
            f'"chmod 600 {shlex.quote(str(path))}".'
        )
    if os.geteuid() not in (0, status.st_uid):
        try:
            owner = pwd.getpwuid(status.st_uid).pw_name
        except KeyError:
            owner = str(status.st_uid)
        raise KeyRingError(
            f"The key ring {path} belongs to the user {owner}. Run this as that user."
        )


def _keys(stored: Mapping[str, Mapping[str, str]], needed: Any) -> Keys:
    # A purpose that only another release knows stays in the file and is not read.
    names = [p for p in Purpose if p in needed or p.value in stored.keys()]  # noqa: SIM118 (a list has none)
    return {p: {_number(v): _decode(text) for v, text in stored[p.value].items()} for p in names}


def _number(text: str) -> int:
    if not _VERSION.fullmatch(text):
        raise ValueError
    return int(text)


def _encode(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _decode(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError
    return key
