"""The supervisor's judgement of a process: one that starts may take long for its first answer."""

from multiprocessing.context import SpawnProcess

import pytest
from uvicorn.config import Config

from config.wire import supervisor
from config.wire.supervisor import WorkerProcess

pytestmark = pytest.mark.fast


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> WorkerProcess:
    """A process that runs, and answers only what a test sends in its place."""
    monkeypatch.setattr(SpawnProcess, "is_alive", lambda process: True)
    return WorkerProcess(Config("nothing:there"), [])


def test_a_process_that_still_starts_is_left_alone(worker: WorkerProcess) -> None:
    assert worker.is_alive(timeout=0)


def test_one_that_never_gives_its_first_answer_is_not(
    worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "START_WITHIN", 0.0)
    assert not worker.is_alive(timeout=0)


def test_one_that_answered_and_then_is_silent_hangs(worker: WorkerProcess) -> None:
    worker.child_conn.send(True)
    assert worker.is_alive(timeout=0)
    assert not worker.is_alive(timeout=0)
