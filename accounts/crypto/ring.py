"""The keys of this installation's ring, as this process holds them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import structlog
from django.conf import settings

from accounts.crypto import keyring
from accounts.crypto.keyring import KeyRing, KeyRingError, Mark, Purpose
from accounts.outages import Unavailable

log = structlog.get_logger("flowlatch.key_ring")

_refused: dict[Path, Mark] = {}  # files that were not taken, and are not read again as they are
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


def newest() -> KeyRing:
    """Return the ring as its file is now. Raises Unavailable if there was none from the start.

    A file that is gone, damaged or no later state of the ring that this process holds is not taken:
    the process goes on with what it has.
    """
    held, path = installed(), settings.KEY_RING_PATH
    if _of_a_copy.get() is not None:
        return held
    try:
        found = keyring.mark(path.stat())
    except OSError:
        return held
    if found in (held.mark, _refused.get(path)):
        return held
    try:
        ring = keyring.read(path)
    except KeyRingError as error:
        return _refuse(held, path, found, str(error))
    if not ring.goes_on_from(held):
        return _refuse(held, path, found, "it is another ring")
    keyring.hold(path, ring)
    _sign_with(ring)
    log.info("key ring read again")
    return ring


def key(purpose: Purpose, version: int | None) -> tuple[int, bytes]:
    """Return a key and its version; the key in use if `version` is None.

    What is written is written under the newest state of the file, so no process goes on with a
    version that was replaced. Raises Unavailable if the ring can't be read or lacks the version.
    """
    if version is None:
        return newest().current(purpose)
    held = installed().get(purpose, version) or newest().get(purpose, version)
    if held is None:
        raise Unavailable(f"{purpose} version {version}")
    return version, held


def _sign_with(ring: KeyRing) -> None:
    # Each key is among the two settings at each moment.
    current = ring.current(Purpose.SIGNING)[1].hex()
    others = ring.signing_fallbacks()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY, current, *others]
    settings.SECRET_KEY = current
    settings.SECRET_KEY_FALLBACKS = others


def _refuse(held: KeyRing, path: Path, found: Mark, reason: str) -> KeyRing:
    _refused[path] = found
    log.warning("changed key ring not taken", reason=reason)
    return held
