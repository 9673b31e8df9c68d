"""Stored secrets: read what a credential is judged by, for whoever is not the gate."""

from django.db.models import QuerySet
from django.utils import timezone

from accounts.crypto import ring
from accounts.crypto.keyring import Purpose
from accounts.network import addresses
from accounts.services.key_ring.rows import Needing
from apikeys import adopted
from apikeys.credentials import Renewal, StoredSecret
from apikeys.models import KeySecret


def find(public_id: str) -> tuple[KeySecret, StoredSecret] | None:
    """Return the secret of a public id with its key and team, or None; in one statement."""
    rows = KeySecret.objects.select_related("key__team", "key__service_account")
    row = rows.filter(public_id=public_id).first()
    return None if row is None else (row, stored(row))


def renew(public_id: str, renewal: Renewal) -> None:
    """Store the digest of a text that proved to be right under the pepper in use."""
    older = KeySecret.objects.filter(public_id=public_id, pepper_version__lt=renewal.pepper_version)
    older.update(pepper_version=renewal.pepper_version, digest=renewal.digest)


def stored(row: KeySecret) -> StoredSecret:
    """Return the facts of a secret as the pure judge takes them."""
    key, account = row.key, row.key.service_account
    return StoredSecret(
        digest=row.digest,
        pepper_version=row.pepper_version,
        secret_ends_at=row.ends_at,
        key_id=key.id,
        key_name=key.name,
        public_id=row.public_id,
        team_id=key.team_id,
        scopes=frozenset(key.scopes),
        expires_at=key.expires_at,
        is_disabled=key.disabled_at is not None,
        is_deleted=key.deleted_at is not None,
        is_team_suspended=key.team.suspended_at is not None,
        is_account_disabled=account is not None and not account.is_usable,
        pinned_to=key.pinned_to,
        networks=tuple(map(addresses.network, key.networks)),
        origins=tuple(key.origins),
        limits=key.limits,
    )


def _live() -> QuerySet[KeySecret]:
    """Return the secrets that could still open something.

    A deleted key or an ended one never does. One that is disabled or expired may come back.
    """
    return KeySecret.objects.live(timezone.now()).filter(key__deleted_at=None)


def _unused(pepper_version: int) -> int:
    return _live().filter(pepper_version=pepper_version).count()


def _adopted(pepper_version: int) -> int:
    """Count what is found by a name that the oldest pepper makes: see apikeys/adopted.py."""
    is_oldest = pepper_version == min(ring.installed().keys[Purpose.PEPPER])
    return _live().filter(public_id__startswith=adopted.MARK).count() if is_oldest else 0


NEEDING = (
    Needing(Purpose.PEPPER, "secrets of keys that were not used since", _unused),
    Needing(Purpose.PEPPER, "keys that came over from Flowise, until they are rotated", _adopted),
)
