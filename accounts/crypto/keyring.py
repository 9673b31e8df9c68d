"""The key-ring file: versioned 256-bit keys by purpose, outside the database, mode 0600. Pure."""

import base64
import json
import os
import secrets
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

KEY_BYTES = 32


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
    """All keys: purpose -> version (1, 2, ...) -> 32 bytes. Its repr shows no key."""

    keys: dict[Purpose, dict[int, bytes]]

    def current(self, purpose: Purpose) -> tuple[int, bytes]:
        """Return the newest version of a purpose and its key."""
        version = max(self.keys[purpose])
        return version, self.keys[purpose][version]

    def get(self, purpose: Purpose, version: int) -> bytes | None:
        """Return the key of one version, or None if the ring no longer holds it."""
        return self.keys[purpose].get(version)


def create(path: Path) -> KeyRing:
    """Make a new ring at `path`. Never replaces one. Raises KeyRingError if it can't be written."""
    stored = {p.value: {"1": _encode(secrets.token_bytes(KEY_BYTES))} for p in Purpose}
    try:
        # mkstemp makes it 0600 under a name that no killed start has left behind.
        number, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise KeyRingError(f"The key ring {path} can't be written: {error.strerror}.") from error
    draft = Path(name)
    try:
        with os.fdopen(number, "w") as file:
            json.dump({"keys": stored}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # fails where a ring exists, so a whole file appears or nothing
    except FileExistsError:
        pass  # another start was quicker: its ring counts
    except OSError as error:
        raise KeyRingError(f"The key ring {path} can't be written: {error.strerror}.") from error
    finally:
        draft.unlink(missing_ok=True)
    load.cache_clear()
    return load(path)


@cache
def load(path: Path) -> KeyRing:
    """Read the ring. Raises KeyRingError if it is missing, unreadable or incomplete."""
    try:
        stored = json.loads(path.read_text())["keys"]
        keys = {p: {int(v): _decode(text) for v, text in stored[p.value].items()} for p in Purpose}
    except FileNotFoundError:
        raise KeyRingError(
            f"The key ring {path} is missing. Put it back from your backup."
        ) from None
    except OSError as error:
        raise KeyRingError(f"The key ring {path} can't be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError):
        # The parser's message could quote a key: it stays out of ours.
        raise KeyRingError(
            f"The key ring {path} is damaged. Put it back from your backup."
        ) from None
    if not all(keys.values()):
        raise KeyRingError(f"The key ring {path} lacks a key. Put it back from your backup.")
    return KeyRing(keys)


def _encode(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _decode(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError
    return key
