"""Children: run one task in a child process, which frees the task's memory when it ends."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

_PASSED_ON = (signal.SIGINT, signal.SIGTERM)


def run(task: Callable[[], None]) -> None:
    """Run the task in a fork of this process, and return once it has succeeded.

    If the task raises, the child ends with the message and exit status that this process would
    have, and then this process ends with that status. SIGINT and SIGTERM are passed on to the
    child, and this process ends as the child did. On Windows the task runs in this process.
    """
    if sys.platform == "win32":
        task()
        return
    # Some supervisors start us with this signal ignored. No child could then be waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ours, theirs = os.pipe()
    # No signal may arrive between the fork and the handler.
    signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
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
    # Returns the exit status, negative for a signal.
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
    if status == 0 and received:  # the signal came after the child was done
        return -received[0]
    return status


def _end_like(status: int) -> None:
    if status > 0:
        sys.exit(status)
    if -status not in _PASSED_ON:
        sys.exit(f"Signal {-status} ended what was to be done first. Is there memory enough?")
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
    sys.exit(128 - status)  # the first process of a container survives its own signal


def _end_with(pipe: int) -> None:
    # A parent that is killed can tell nobody, but its end of the pipe is closed.
    def wait() -> None:
        os.read(pipe, 1)
        os._exit(1)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def _leave() -> None:
    # sys.exit would take the interpreter down, which makes a start a tenth of a second longer.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
