"""Processes: each one says which keys of the ring it knows, and reads a changed ring again."""

import os
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import NamedTuple

import structlog
from django.db import connection, connections, models
from django.db.models.functions import Now

from accounts.crypto import ring
from accounts.crypto.keyring import KeyRing, KeyRingError, Purpose
from accounts.models import RingProcess
from accounts.outages import OUTAGES
from accounts.services import ring_keys

log = structlog.get_logger("flowlatch.key_ring")

LOOK_EVERY = 1.0  # seconds between two looks whether the file has changed
TELL_EVERY = 10  # looks between two notes in the database, if it has not
SILENT_AFTER = timedelta(seconds=35)  # who has said nothing for so long is taken for dead
STOP_WITHIN = 2.0  # seconds; later it counts as silent
FORGOTTEN_AFTER = timedelta(hours=1)


class Seen(NamedTuple):
    """What a process that runs has said."""

    name: str
    kind: str
    knows: frozenset[str]
    uses: Mapping[str, int]


class Watch:
    """A thread that lives as long as its process. It doesn't keep the process alive."""

    def __init__(self, kind: str) -> None:
        """`kind` is web or worker."""
        self._name = f"{socket.gethostname()[:40]} {os.getpid()} {secrets.token_hex(4)}"
        self._kind = kind
        self._told: KeyRing | None = None
        self._is_silent = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="key ring", daemon=True)

    def start(self) -> None:
        """Begin to look and to tell, and return at once."""
        self._thread.start()

    def stop(self) -> None:
        """End, and say no more that the process runs."""
        self._stopping.set()
        self._thread.join(STOP_WITHIN)

    def _run(self) -> None:
        looks = 0
        while True:
            self._guarded(partial(self._look, is_due=looks % TELL_EVERY == 0))
            looks += 1
            if self._stopping.wait(LOOK_EVERY):
                break
        self._guarded(self._forget)

    def _look(self, *, is_due: bool) -> None:
        held = ring.newest()
        if is_due or held is not self._told:
            tell(self._name, self._kind, held)
            self._told = held
        if connection.vendor == "sqlite":
            _keep_files()
        else:
            connections.close_all()  # this thread's goes back to the pool

    def _forget(self) -> None:
        RingProcess.objects.filter(name=self._name).delete()
        connections.close_all()

    def _guarded(self, run: Callable[[], None]) -> None:
        try:
            run()
        except OUTAGES as error:
            if not self._is_silent:
                fault = error.__cause__
                reason = str(fault) if isinstance(fault, KeyRingError) else type(error).__name__
                log.warning("key ring not told", reason=reason)
            self._is_silent = True
            connections.close_all()
        else:
            self._is_silent = False


def tell(name: str, kind: str, held: KeyRing) -> None:
    """Note what a process knows and uses. The database's own clock says when."""
    values = {
        "kind": kind,
        "knows": sorted(ring_keys.fingerprints(held).values()),
        "uses": {purpose.value: held.current(purpose)[0] for purpose in Purpose},
        "seen_at": Now(),
    }
    if not RingProcess.objects.filter(name=name).update(**values):
        RingProcess.objects.filter(_seen_before(FORGOTTEN_AFTER)).delete()
        RingProcess.objects.create(name=name, **values)


def running() -> list[Seen]:
    """Return what the processes have said that run now, by name."""
    rows = RingProcess.objects.exclude(_seen_before(SILENT_AFTER)).order_by("name")
    return [Seen(row.name, row.kind, frozenset(row.knows), row.uses) for row in rows]


def _keep_files() -> None:
    # The last connection that closes takes the -wal and -shm files away, perhaps while the gate
    # opens them for its first call. So this one stays open. Each statement looks whether the files
    # are still in place (accounts/sqlite_files.py), and lets them go if not.
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _seen_before(ago: timedelta) -> models.Q:
    return models.Q(seen_at__lt=Now() - ago)
