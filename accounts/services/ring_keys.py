"""Ring keys: make the key ring at the first start, and recognise a lost or wrong ring later."""

from pathlib import Path

from django.db import transaction

from accounts.crypto import digests, keyring
from accounts.crypto.keyring import KeyRing, KeyRingError, Purpose
from accounts.models import RingKey


def ensure(path: Path) -> KeyRing:
    """Return the ring at `path`. Make one only if the database was never written with one.

    Raises KeyRingError with one line that says what to do if the ring is lost or belongs to another
    database.
    """
    known = {(k.purpose, k.version): k.fingerprint for k in RingKey.objects.all()}
    if not known and not path.exists():
        ring = keyring.create(path)
    elif not path.exists():
        raise KeyRingError(
            f"The key ring {path} is lost, and the database needs it: without it no API key can be "
            "checked. Put it back from your backup."
        )
    else:
        ring = keyring.load(path)
    _compare(ring, known, path)
    return ring


def _compare(ring: KeyRing, known: dict[tuple[str, int], str], path: Path) -> None:
    held = {
        (purpose.value, version): digests.key_fingerprint(key)
        for purpose in Purpose
        for version, key in ring.keys[purpose].items()
    }
    if any(held.get(name) != fingerprint for name, fingerprint in known.items()):
        raise KeyRingError(
            f"The key ring {path} is not the one that this database was written with. "
            "Put the right one back from your backup."
        )
    with transaction.atomic():
        for (purpose, version), fingerprint in held.items():
            RingKey.objects.get_or_create(
                purpose=purpose, version=version, defaults={"fingerprint": fingerprint}
            )
