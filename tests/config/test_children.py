"""Children: how a task in a child process ends is how the start goes on."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.fast

START = """
import signal, sys
from config import children
{before}
children.run(lambda: {task})
print("goes on")
"""


def start(task: str, before: str = "") -> subprocess.CompletedProcess[str]:
    code = START.format(task=task, before=before)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("before", ["", "signal.signal(signal.SIGCHLD, signal.SIG_IGN)"])
def test_a_start_goes_on_after_its_task_whatever_its_supervisor_ignores(before: str) -> None:
    ended = start("None", before)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "goes on\n", "")


@pytest.mark.parametrize("before", ["", "signal.signal(signal.SIGCHLD, signal.SIG_IGN)"])
def test_a_start_whose_task_fails_ends_as_its_task_did(before: str) -> None:
    ended = start('sys.exit("why")', before)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "why\n")
