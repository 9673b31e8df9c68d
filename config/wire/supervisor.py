"""The supervisor: the first process where several serve. It starts, watches and stops them.

It leans on internals of uvicorn's Multiprocess, which is pinned: `sockets`, `processes`,
`signal_queue`, `should_exit`, `keep_subprocess_alive`, `terminate_all`, `restart_all`,
`handle_ttin`, and of a Process its `process`, `ping`, `wait_until_ready` and the pipe's two ends.
"""

import contextlib
import os
import signal
import socket
import time
from types import FrameType

import structlog
from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from config.wire.draining import DrainingServer

log = structlog.get_logger("flowlatch.server")

START_WITHIN = 120.0  # seconds until a process that starts gives its first answer


class WorkerProcess(Process):
    """A process that serves."""

    delay = 0.0  # set before the first one is made

    def __init__(self, config: Config, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        self._delay = WorkerProcess.delay  # pickled with the rest: the process starts from nothing
        self._began_at = time.monotonic()
        self._has_answered = False

    @property
    def server(self) -> DrainingServer:
        """The server that runs in the process."""
        if self._server is None:
            self._server = DrainingServer(self.config, self._delay)
        assert isinstance(self._server, DrainingServer)
        return self._server

    def is_alive(self, timeout: float = 5) -> bool:
        """Whether the process runs and answers. One that starts may take START_WITHIN for it.

        A busy machine needs long for the imports. If it were killed meanwhile, so would be the
        next one, for ever.
        """
        if not self.process.is_alive():
            return False
        if self.ping(timeout):
            self._has_answered = True
            return True
        is_starting = not self._has_answered and self.process.is_alive()
        return is_starting and time.monotonic() - self._began_at < START_WITHIN


class Supervisor(Multiprocess):
    """The first process. It takes no connection itself."""

    def __init__(self, config: Config, sockets: list[socket.socket], delay: float = 0.0) -> None:
        super().__init__(config, sockets)
        WorkerProcess.delay = delay
        self._is_told = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._tell)

    def init_processes(self) -> None:
        """Start the processes."""
        for _ in range(self.processes_num):
            with contextlib.suppress(OSError):  # told to stop: the sockets are closed
                self.processes.append(self._begun())  # at once, so that a signal reaches it

    def keep_subprocess_alive(self) -> None:
        """Start a process anew in place of one that died or hangs, and log it."""
        for number, process in enumerate(self.processes):
            is_alive = process.is_alive(self.config.timeout_worker_healthcheck)
            if is_alive or self._is_told:  # it may have ended because it was told to
                continue
            process.kill()
            process.join()
            if process.exitcode == STARTUP_FAILURE:
                log.critical("worker process failed to start", pid=process.pid)
                self.should_exit.set()
                return
            name, status = _how(process.exitcode)
            log.error("worker process ended", pid=process.pid, signal=name, status=status)
            with contextlib.suppress(OSError):  # told to stop: the sockets are closed
                self.processes[number] = self._begun()
                log.info("worker process started", pid=self.processes[number].pid)

    def terminate_all(self) -> None:
        """Tell every process to end, but for those that were told in the signal handler."""
        if not self._is_told:
            super().terminate_all()

    def restart_all(self) -> None:
        """Replace each process (SIGHUP): the next one serves before the old one is told to end."""
        for old in [*self.processes]:
            if self._is_told:
                return
            new = self._begun()
            self.processes.append(new)  # so that a signal reaches it
            if not new.wait_until_ready(START_WITHIN):
                if not self._is_told:
                    log.critical("worker process failed to start", pid=new.pid)
                    self.processes.remove(new)
                    new.kill()
                    new.join()
                return
            old.terminate()
            old.join()
            self.processes.remove(old)

    def handle_ttin(self) -> None:
        """Start one process more (SIGTTIN)."""
        self.processes_num += 1
        self.processes.append(self._begun())

    def _begun(self) -> WorkerProcess:
        process = WorkerProcess(self.config, self.sockets)
        process.start()
        if self._is_told and process.pid is not None:
            os.kill(process.pid, signal.SIGTERM)
        return process

    def _tell(self, number: int, frame: FrameType | None) -> None:
        """Tell the processes to end at once, and close the listening sockets of this process.

        They get SIGTERM in any case: a terminal has sent SIGINT to them too, and a second one makes
        a process end without writing its records.

        As long as they are open here, the system takes connections that no process will take from
        it. The loop, which looks at signals every half second, then waits for the processes.
        """
        self._is_told = True
        for listening in self.sockets:
            listening.close()
        for process in self.processes:
            if process.pid is not None and process.exitcode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGTERM)
        self.signal_queue.append(number)


def _how(status: int | None) -> tuple[str | None, int | None]:
    """Return the signal that ended a process, or the status with which it ended."""
    if status is not None and status < 0:
        return signal.Signals(-status).name, None
    return None, status
