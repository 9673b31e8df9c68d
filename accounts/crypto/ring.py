"""The keys of this installation's ring."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from django.conf import settings

from accounts.crypto import keyring
from accounts.crypto.keyring import KeyRing, KeyRingError, Purpose
from accounts.outages import Unavailable

_of_a_copy: ContextVar[Path | None] = ContextVar("ring of a copy", default=None)


@contextmanager
def of_a_copy(path: Path) -> Iterator[None]:
    """Use the ring of a backup inside the block, to check what was written with it."""
    token = _of_a_copy.set(path)
    try:
        yield
    finally:
        _of_a_copy.reset(token)


def installed() -> KeyRing:
    """Return the ring; the same object as long as it is the same. Raises Unavailable."""
    try:
        return keyring.load(_of_a_copy.get() or settings.KEY_RING_PATH)
    except KeyRingError as error:
        raise Unavailable("key ring") from error


def key(purpose: Purpose, version: int | None) -> tuple[int, bytes]:
    """Return a key and its version; the newest key if `version` is None.

    Raises Unavailable if the ring can't be read or lacks the version.
    """
    ring = installed()
    if version is None:
        return ring.current(purpose)
    held = ring.get(purpose, version)
    if held is None:
        raise Unavailable(f"{purpose} version {version}")
    return version, held
