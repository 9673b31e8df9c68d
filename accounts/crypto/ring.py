"""The keys of this installation's ring."""

from django.conf import settings

from accounts.crypto import keyring
from accounts.crypto.keyring import KeyRing, KeyRingError, Purpose
from accounts.outages import Unavailable


def installed() -> KeyRing:
    """Return the ring; the same object as long as it is the same. Raises Unavailable."""
    try:
        return keyring.load(settings.KEY_RING_PATH)
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
