"""Parts: which of the parts that a process needs are missing. For a thread: it waits for them."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from accounts.crypto import digests, keyring
from accounts.crypto.keyring import KeyRingError, Purpose
from accounts.models import Lease, RingKey

DATABASE, READ_ONLY, RING, MIGRATIONS = "database", "read_only", "ring", "migrations"


class Parts(NamedTuple):
    """The names of the parts that are missing, and whether a newer version changed the tables."""

    red: tuple[str, ...]
    is_newer: bool = False


NOTHING_READ = Parts((DATABASE,))


def look(note: Callable[[Parts], None]) -> Parts:
    """Look at each part. `note` gets what is known so far; see Flight."""
    note(NOTHING_READ)
    try:
        applied = _applied()
        fits = _ring_fits()
    except DatabaseError:
        return NOTHING_READ
    red = [] if fits else [RING]
    # A newer version's migrations leave this one able to serve, so that both can run for a while.
    red += [MIGRATIONS] if _written() - applied else []
    ours = {app for app, _ in _written()}
    is_newer = any(app in ours for app, _ in applied - _written())
    note(Parts((READ_ONLY, *red), is_newer))
    return Parts((*([] if _takes_changes() else [READ_ONLY]), *red), is_newer)


def _applied() -> set[tuple[str, str]]:
    # Django's own reader would load all that makes migrations into the serving process.
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations")
        return {(app, name) for app, name in cursor.fetchall()}


@cache
def _written() -> frozenset[tuple[str, str]]:
    """Return the migrations of this version: app and name."""
    return frozenset(
        (app.label, file.stem)
        for app in apps.get_app_configs()
        for file in Path(app.path, "migrations").glob("[!_~]*.py")
    )


def _ring_fits() -> bool:
    """Whether this process's key ring is the one that the database was written with."""
    known = [*RingKey.objects.values_list("purpose", "version", "fingerprint")]
    try:
        ring = keyring.load(settings.KEY_RING_PATH)
    except KeyRingError:
        return False
    for purpose, version, fingerprint in known:
        key = ring.get(Purpose(purpose), version)
        if key is None or digests.key_fingerprint(key) != fingerprint:
            return False
    return True


def _takes_changes() -> bool:
    # A change of no row asks for all that a change needs: the lock, the right, a writable file.
    try:
        with transaction.atomic():
            Lease.objects.filter(name="").update(holder="")
    except DatabaseError:
        return False
    return True
