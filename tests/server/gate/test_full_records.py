"""Records that can't be written: what was given is answered, and nothing is lost in silence."""

import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from chatflows.calls import recorder
from chatflows.predictions.prediction import MAX_REMEMBERED
from tests.server.shipped import OWNER, POSTGRES, Shipped, start
from tests.server.world import eventually

pytestmark = pytest.mark.server

LONG = "x" * MAX_REMEMBERED
HEALS_WITHIN = 5  # seconds


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Shipped]:
    """A server whose database may be hurt."""
    running = start(tmp_path, OWNER)
    yield running
    assert running.stop() == 0
    assert "Traceback" not in running.log


@contextmanager
def no_writes(server: Shipped) -> Iterator[None]:
    """Let nobody write to the database, where everybody may still read."""
    if POSTGRES in os.environ:
        with psycopg.connect(server.env["DATABASE_URL"]) as connection:
            connection.execute("LOCK TABLE chatflows_call IN SHARE MODE")
            yield
        return
    database = sqlite3.connect(server.folder / "flowlatch.sqlite3", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    yield
    database.close()


def test_a_gate_that_can_record_no_more_lets_nobody_in_until_it_can(alone: Shipped) -> None:
    key = alone.do("make_key", team="acme", name="k", opens=[alone.chatflow])
    most = recorder.MAX_WAITING // (len(LONG) + recorder.RECORD_BYTES) + 2
    with no_writes(alone):
        assert alone.predict(key).status == 200  # access was given, and is still answered
        with ThreadPoolExecutor(8) as pool:
            asked = pool.map(lambda _: alone.predict(key, question=LONG).status, range(most + 8))
            answers = [*asked]
        answered = answers.count(200)
        assert most * 0.9 < answered <= most + 8
        assert answers.count(503) == len(answers) - answered > 0
        for refused in (alone.predict(key), alone.predict(key, streaming=True), alone.predict()):
            assert (refused.status, refused.json()["code"]) == (503, "unavailable")
            assert refused.headers["retry-after"] == "2"
        head = {"Authorization": f"Bearer {key}"}
        completion = {"model": alone.chatflow, "messages": [{"role": "user", "content": "Hi"}]}
        openais = alone.request("POST", "/v1/chat/completions", completion, head)
        assert (openais.status, openais.json()["error"]["code"]) == (503, "unavailable")
        assert alone.request("GET", "/livez").status == 200
    assert eventually(lambda: alone.predict(key).status == 200, within=HEALS_WITHIN)
    assert "records dropped" not in alone.log
    # All are written, the long ones up to where they are cut.
    alone.wait_for_calls(answered + 2)
