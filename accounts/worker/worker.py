"""The worker: background jobs, run by one process at a time.

Each serving process has a worker. The one that holds the lease runs the jobs, and the others watch.
Jobs are registered in `AppConfig.ready()`. A job must bear being cut off anywhere, and running in
two processes for a moment (when one of them stood still for longer than its lease).
"""

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import connections
from django.utils import timezone

from accounts.worker import drills, leases

log = structlog.get_logger("flowlatch.worker")

LEASE = "worker"
LEASE_LIFETIME = timedelta(seconds=30)
RENEW_EVERY = 10.0  # seconds
LOOK_EVERY = 5.0  # seconds between two looks whether the lease is free
FIRST_RUN_AFTER = 5.0  # seconds, for jobs that run seldom
STOP_WITHIN = 10.0  # seconds that running jobs get


@dataclass(frozen=True, slots=True)
class Job:
    """What to run, and how often. `run` gets an event that is set when it should end."""

    name: str
    every: timedelta
    run: Callable[[threading.Event], object]


_jobs: dict[str, Job] = {}


def register(job: Job) -> None:
    """Add a job to every worker. Raises ValueError if the name is taken."""
    if job.name in _jobs:
        raise ValueError(f"There is a job {job.name} already")
    _jobs[job.name] = job


def jobs() -> list[Job]:
    """Return all registered jobs."""
    return list(_jobs.values())


class Worker:
    """A thread that keeps the lease, and one for each job. None of them keeps a process alive."""

    def __init__(self, todo: list[Job] | None = None) -> None:
        self.holder = f"{socket.gethostname()[:40]} {os.getpid()} {secrets.token_hex(4)}"
        self._jobs = jobs() if todo is None else todo
        self._stopping = threading.Event()
        self._held_until = 0.0  # on the monotonic clock
        self._threads: list[threading.Thread] = []

    @property
    def holds_lease(self) -> bool:
        """Whether this process runs the jobs."""
        return time.monotonic() < self._held_until

    def start(self) -> None:
        """Start the threads, and return at once."""
        self._begin("lease", self._keep_lease)
        for job in self._jobs:
            self._begin(job.name, self._repeat, job)

    def stop(self, within: float = STOP_WITHIN) -> None:
        """Let running jobs end, for at most `within` seconds, and release the lease."""
        self._stopping.set()
        deadline = time.monotonic() + within
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        late = [thread.name for thread in self._threads if thread.is_alive()]
        if late:  # the lease runs out by itself, when they are surely gone
            log.warning("jobs cut off", jobs=late)

    def _begin(self, name: str, run: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, name=f"worker {name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _keep_lease(self) -> None:
        while not self._stopping.is_set():
            self._guarded("lease", self._take_lease)
            self._stopping.wait(RENEW_EVERY if self.holds_lease else LOOK_EVERY)
        others = [t for t in self._threads if t is not threading.current_thread()]
        for thread in others:  # nobody else should begin what they are about to finish
            thread.join()
        if self.holds_lease:
            # Servers that run no worker tell people since when there is none.
            is_noted = settings.WORKER == "external"
            self._guarded("lease", lambda: leases.give_back(LEASE, self.holder, is_noted=is_noted))

    def _take_lease(self) -> None:
        asked_at, held = time.monotonic(), self.holds_lease
        if not self._is_drill() and leases.take(LEASE, self.holder, LEASE_LIFETIME, timezone.now()):
            self._held_until = asked_at + LEASE_LIFETIME.total_seconds()
        else:
            self._held_until = 0.0
        if held != self.holds_lease:
            log.info("worker begins" if self.holds_lease else "worker lost its lease")

    def _is_drill(self) -> bool:
        was_noted = drills.is_noted()
        if drills.stands() and not was_noted:
            log.warning("worker holds still", meaning=drills.MEANING)
        return drills.is_noted()

    def _repeat(self, job: Job) -> None:
        every = job.every.total_seconds()
        pause = min(every, FIRST_RUN_AFTER)
        while not self._stopping.wait(pause):
            if self.holds_lease:
                self._guarded(job.name, lambda: job.run(self._stopping))
                pause = every

    def _guarded(self, name: str, run: Callable[[], object]) -> None:
        try:
            run()
        except Exception as error:
            log.warning("job failed", job=name, error=type(error).__name__)
        finally:
            connections.close_all()  # this thread's; a broken one is not kept either
