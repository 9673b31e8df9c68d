"""Rows: which of the database's rows need a version of the ring, and sealing them anew.

Each app registers its own at the start.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any, NamedTuple

import structlog
from django.db import models, transaction
from django.utils import timezone

from accounts.crypto import ring, sealing
from accounts.crypto.keyring import Purpose
from accounts.models import AuditEvent, LinkPurpose, LinkToken, Mail, ResetRequest, RingKey
from accounts.outages import Unavailable

log = structlog.get_logger("flowlatch.key_ring")

BATCH = 50  # rows of one transaction: nobody waits long for it


class Needing(NamedTuple):
    """Rows that can't be read without a version of a purpose."""

    purpose: Purpose
    name: str  # what they are, for people, in the plural
    count: Callable[[int], int]  # of a version


@dataclass(frozen=True, slots=True)
class Sealed:
    """Rows with `ciphertext` and `key_version`, and the place that a ciphertext is bound to."""

    name: str
    rows: "Callable[[], models.QuerySet[Any]]"
    place: Callable[[Any], Sequence[str]]

    def under(self, version: int) -> int:
        """Return how many are sealed under a version."""
        return self.rows().filter(key_version=version).count()


_needing: dict[str, Needing] = {}
_sealed: dict[str, Sealed] = {}


def register(needing: Needing) -> None:
    """Add rows that need versions of the ring."""
    _needing[needing.name] = needing


def register_sealed(sealed: Sealed) -> None:
    """Add rows that hold a ciphertext."""
    _sealed[sealed.name] = sealed
    register(Needing(Purpose.ENCRYPTION, sealed.name, sealed.under))


def register_own() -> None:
    """Add the rows of accounts."""
    register(Needing(Purpose.AUDIT, "entries of the audit trail", _entries))
    register(Needing(Purpose.PEPPER, "mailed invitation links (7 days at most)", _mailed_links))
    register_sealed(Sealed("waiting mails", _waiting, lambda mail: mail.place))
    register_sealed(Sealed("reset requests", ResetRequest.objects.all, lambda asked: asked.place))


def needing(purpose: Purpose, version: int) -> Mapping[str, int]:
    """Return how many rows of each name need a version. Names without any are left out."""
    counts = {n.name: n.count(version) for n in _needing.values() if n.purpose is purpose}
    return {name: count for name, count in counts.items() if count}


def reseal(stopping: Event) -> None:
    """Seal under the key in use what is sealed under an older one. The worker calls it."""
    held = ring.newest()
    if len(held.keys[Purpose.ENCRYPTION]) == 1:
        return
    version, _ = held.current(Purpose.ENCRYPTION)
    for sealed in _sealed.values():
        _reseal(sealed, version, stopping)


def _entries(version: int) -> int:
    return AuditEvent.objects.filter(key_version=version).count()


def _mailed_links(version: int) -> int:
    """Count the open links that were mailed while a pepper was in use: it proves their mailbox."""
    used = RingKey.objects.filter(purpose=Purpose.PEPPER)
    since = used.filter(version=version).values_list("used_at", flat=True).first()
    later = used.filter(version__gt=version).exclude(used_at=None).order_by("version").first()
    open_links = LinkToken.objects.filter(purpose=LinkPurpose.INVITATION).usable(timezone.now())
    if since is not None:
        open_links = open_links.filter(created_at__gte=since)
    return (open_links.filter(created_at__lt=later.used_at) if later else open_links).count()


def _waiting() -> "models.QuerySet[Any]":
    return Mail.objects.exclude(ciphertext=None)


def _reseal(sealed: Sealed, version: int, stopping: Event) -> None:
    older = sealed.rows().filter(key_version__lt=version).order_by("pk")
    batch, done, failed = list(older[:BATCH]), 0, 0
    while batch and not stopping.is_set():
        with transaction.atomic():
            for row in batch:
                if _reseal_row(sealed, row):
                    done += 1
                else:
                    failed += 1
        batch = list(older.filter(pk__gt=batch[-1].pk)[:BATCH])
    if done or failed:
        log.info("sealed anew", rows=sealed.name, count=done, left=failed)


def _reseal_row(sealed: Sealed, row: Any) -> bool:
    """Seal one row anew. Return False if it can't be read or was changed meanwhile."""
    place, before = sealed.place(row), bytes(row.ciphertext)
    try:
        text = sealing.decrypt(before, row.key_version, place)
    except Unavailable:
        return False
    version, ciphertext = sealing.encrypt(text, place)
    # As it was read: what somebody stored meanwhile stays.
    same = sealed.rows().filter(pk=row.pk, key_version=row.key_version, ciphertext=before)
    return bool(same.update(key_version=version, ciphertext=ciphertext))
