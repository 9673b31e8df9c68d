"""A child process that does one thing and takes its memory with it when it ends."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

_PASSED_ON = (signal.SIGINT, signal.SIGTERM)


def run(task: Callable[[], None]) -> None:
    """Run the task in a fork of this process, and return when it has ended well.

    What the task raises ends the child as it would end this process, so that the message and the
    exit status are the same; then this process ends with that status. SIGINT and SIGTERM are
    passed on to the child, and this process ends as the child did. Where there is no fork, the
    task runs here.
    """
    if sys.platform == "win32":
        task()
        return
    ours, theirs = os.pipe()
    signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)  # none may fall between fork and handler
    child = os.fork()
    if child == 0:
        os.close(theirs)
        _end_with(ours)
        for number in _PASSED_ON:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
        task()
        _leave()
    os.close(ours)
    status = _wait(child)
    os.close(theirs)
    if status != 0:
        _end_like(status)


def _wait(child: int) -> int:
    # The exit status, negative for a signal.
    received: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        received.append(number)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    kept = {number: signal.signal(number, pass_on) for number in _PASSED_ON}
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for number, handler in kept.items():
        signal.signal(number, handler)
    if status == 0 and received:  # it came when the child had done all but not yet been waited for
        return -received[0]
    return status


def _end_like(status: int) -> None:
    if status > 0:
        sys.exit(status)
    if -status not in _PASSED_ON:
        sys.exit(f"Signal {-status} ended what was to be done first. Is there memory enough?")
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
    sys.exit(128 - status)  # the first process of a container outlives its own signal


def _end_with(pipe: int) -> None:
    # Killed at once, the parent can tell nobody; but then the other end of the pipe is closed.
    def wait() -> None:
        os.read(pipe, 1)
        os._exit(1)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def _leave() -> None:
    # Not by sys.exit: taking a whole interpreter down takes a start a tenth of a second longer.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
