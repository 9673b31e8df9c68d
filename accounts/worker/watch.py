"""The watch: one serving process of all says in the log when no worker is alive, and when one is.

Where WORKER=external and nobody starts a worker, mails would wait unseen.
"""

import secrets
import threading
from collections.abc import Callable
from datetime import timedelta

import structlog
from django.db import connections
from django.utils import timezone

from accounts.worker import leases, status

log = structlog.get_logger("flowlatch.worker")

LEASE = "watch"
EVERY = 20.0  # seconds
LEASE_LIFETIME = timedelta(seconds=60)  # whoever watches dies: another one goes on then
STOP_WITHIN = 1.0  # seconds


class Watch:
    """A thread that looks after the worker's lease. It keeps no process alive."""

    def __init__(self) -> None:
        self._holder = secrets.token_hex(8)
        self._stopping = threading.Event()
        self._is_gone = False  # as it was logged last
        self._thread = threading.Thread(target=self._run, name="worker watch", daemon=True)

    def start(self) -> None:
        """Start the thread, and return at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, so that another process can watch at once."""
        self._stopping.set()
        self._thread.join(STOP_WITHIN)

    def look(self) -> None:
        """Log it once when the worker is gone or back, if no other process watches."""
        if not leases.take(LEASE, self._holder, LEASE_LIFETIME, timezone.now()):
            self._is_gone = False
            return
        found = status.look()
        if found.is_gone and not self._is_gone:
            log.warning("no worker", since=found.renewed_at)
        elif self._is_gone and not found.is_gone:
            log.info("worker is back")
        self._is_gone = found.is_gone

    def _run(self) -> None:
        while not self._stopping.wait(EVERY):
            _guarded(self.look)
        _guarded(lambda: leases.give_back(LEASE, self._holder))


def _guarded(run: Callable[[], None]) -> None:
    try:
        run()
    except Exception as error:
        log.warning("worker not watched", error=type(error).__name__)
    finally:
        connections.close_all()  # this thread's
