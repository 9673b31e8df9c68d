"""worker: send mail and clean up in a process of its own, beside any number of web processes."""

import signal
import threading
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from accounts.services.key_ring.processes import Watch
from accounts.worker.worker import Worker


class Command(BaseCommand):
    help = "Sends mail and cleans up, until SIGTERM. Set WORKER=external, so that no server does."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        ending = threading.Event()

        def end(number: int, frame: FrameType | None) -> None:
            ending.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        watch, worker = Watch("worker"), Worker()
        watch.start()
        worker.start()
        self.stdout.write("The worker runs. It waits while another process holds the lease.")
        self.stdout.flush()
        ending.wait()
        watch.stop()
        worker.stop()
