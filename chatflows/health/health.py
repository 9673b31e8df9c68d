"""The health of one process, for its event loop."""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings

from accounts.health import parts, queues
from accounts.health.flights import Flight
from accounts.health.parts import Parts
from accounts.health.queues import Queues
from chatflows.calls.recorder import Recorder
from chatflows.health import exposition, snapshots
from chatflows.health.snapshots import Snapshot
from chatflows.predictions import running

log = structlog.get_logger("flowlatch.health")

WITHIN = 1.5  # seconds that an answer waits for the database
EVERY = 1.0  # seconds between two snapshots for the other processes
STOPPING = "stopping"


class Health:
    """Tells whether this process can serve, and what it and the other processes counted."""

    def __init__(self, is_stopping: Callable[[], bool]) -> None:
        self.recorder: Recorder | None = None  # once there is one
        self._is_stopping = is_stopping
        self._parts: Flight[Parts] = Flight(parts.look, parts.NOTHING_READ)
        self._queues: Flight[Queues | None] = Flight(lambda note: queues.look(), None)
        self._metrics: Flight[bytes] = Flight(lambda note: self._text(), b"")
        self._latest: tuple[Snapshot, Queues | None] = (Snapshot(), None)
        self._sharing: asyncio.Task[None] | None = None
        self._is_shared = True

    async def parts(self) -> Parts:
        """Return the parts that are missing, in at most two seconds."""
        found = await self._parts.result(WITHIN)
        red = [*found.red]
        is_failing = self.recorder is not None and self.recorder.is_failing
        if is_failing and not {parts.DATABASE, parts.READ_ONLY} & {*red}:
            red.append(parts.READ_ONLY)
        if self._is_stopping():
            red.append(STOPPING)
        return found._replace(red=tuple(red))

    async def details(self) -> dict[str, Any]:
        """Return what operators read beside the parts: it makes nothing red."""
        found = await self._queues.result(WITHIN)
        now = self._snapshot()
        return {
            "worker_age_seconds": _rounded(found.worker_age if found else None),
            "oldest_mail_age_seconds": _rounded(found.oldest_mail_age if found else None),
            "mails_waiting": found.mails_waiting if found else None,
            "records_waiting": now.waiting_records,
            "answers_running": now.running_answers,
        }

    async def metrics(self) -> bytes:
        """Return the metrics of all processes of this server; nothing if they can't be read."""
        self._latest = self._snapshot(), await self._queues.result(WITHIN)
        return await self._metrics.result(WITHIN)

    def share(self) -> None:
        """Begin to write snapshots for the other processes, if there are any."""
        if settings.WEB_CONCURRENCY > 1:
            self._sharing = asyncio.get_running_loop().create_task(self._share())

    def close(self) -> None:
        """Stop."""
        if self._sharing is not None:
            self._sharing.cancel()

    async def _share(self) -> None:
        while True:
            await asyncio.to_thread(self._write, self._snapshot())
            await asyncio.sleep(EVERY)

    def _write(self, snapshot: Snapshot) -> None:
        try:
            snapshots.write(snapshot)
        except OSError as error:
            if self._is_shared:  # once
                log.warning("metrics not shared", error=type(error).__name__)
            self._is_shared = False
        else:
            self._is_shared = True

    def _snapshot(self) -> Snapshot:
        now = Snapshot(memory_bytes=snapshots.memory(), running_answers=len(running.registry))
        if self.recorder is not None:
            now.waiting_records = self.recorder.waiting
            now.totals.lost += self.recorder.lost
        return now

    def _text(self) -> bytes:
        return exposition.text(*self._latest)


def _rounded(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)
