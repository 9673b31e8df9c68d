"""Ring keys: make the key ring at the first start, and recognise a lost or wrong ring later."""

from collections.abc import Mapping
from pathlib import Path

from django.db import transaction

from accounts.crypto import digests, keyring
from accounts.crypto.keyring import PUT_BACK, KeyRing, KeyRingError, Purpose
from accounts.models import RingKey

Name = tuple[str, int]  # purpose and version


class NotStarted(Exception):
    """This database was never written with a key ring: no start has prepared it."""


def ensure(path: Path) -> KeyRing:
    """Return the ring at `path`. Make one only if the database was never written with one.

    Raises KeyRingError with one line that says what to do if the ring is lost or belongs to another
    database.
    """
    known = _known()
    if not known and not path.exists():
        ring = keyring.create(path)
    else:
        ring = _compared(path, known)
        keyring.hold(path, ring)
    note(ring)
    return ring


def check(path: Path) -> KeyRing:
    """Return the ring at `path` if it is whole, ours alone and this database's. Write nothing.

    Raises KeyRingError with one line that says what to do, and NotStarted.
    """
    known = _known()
    if not known:
        raise NotStarted
    return _compared(path, known)


@transaction.atomic
def note(ring: KeyRing) -> None:
    """Note the versions of a ring that are new to the database.

    An older one that the database does not know was retired, perhaps by another machine.
    """
    known = _known()
    for (purpose, version), fingerprint in fingerprints(ring).items():
        if version > max([v for p, v in known if p == purpose], default=0):
            RingKey.objects.get_or_create(
                purpose=purpose, version=version, defaults={"fingerprint": fingerprint}
            )


def fingerprints(ring: KeyRing) -> Mapping[Name, str]:
    """Return the fingerprint of each key of a ring."""
    return {
        (purpose.value, version): digests.key_fingerprint(key)
        for purpose in Purpose
        for version, key in ring.every(purpose).items()
    }


def _known() -> Mapping[Name, str]:
    rows = RingKey.objects.values_list("purpose", "version", "fingerprint")
    return {(purpose, version): fingerprint for purpose, version, fingerprint in rows}


def _compared(path: Path, known: Mapping[Name, str]) -> KeyRing:
    if known and not path.exists():
        raise KeyRingError(
            f"The key ring {path} is lost, and the database needs it: without it no API key can be "
            f"checked. {PUT_BACK}"
        )
    ring = keyring.read(path)
    held = fingerprints(ring)
    if any(held.get(name, fingerprint) != fingerprint for name, fingerprint in known.items()):
        raise KeyRingError(
            f"The key ring {path} is not the one that this database was written with. Check "
            "FLOWLATCH_DATA and DATABASE_URL, or put the right ring back from your backup."
        )
    missing = sorted(known.keys() - held.keys())
    if missing:
        purpose, version = missing[0]
        raise KeyRingError(
            f"The key ring {path} is older than the database: it lacks {purpose} version "
            f"{version}. Put the newest one back from your backup, or copy it from a machine that "
            "serves already."
        )
    return ring
