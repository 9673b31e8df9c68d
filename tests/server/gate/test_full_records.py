"""Records that can't be written: what was given is answered, and nothing is lost in silence."""

import http.client
import json
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
from tests.server.forks import PATIENCE
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
    other = alone.do("make_key", team="acme", name="other", opens=[])
    most = recorder.MAX_WAITING // (len(LONG) + recorder.RECORD_BYTES) + 2
    with no_writes(alone):
        assert alone.predict(key).status == 200  # access was given, and is still answered
        with ThreadPoolExecutor(8) as pool:
            asked = pool.map(lambda _: alone.predict(key, question=LONG).status, range(most + 8))
            answers = [*asked]
        answered = answers.count(200)
        assert most * 0.9 < answered <= most + 8
        assert answers.count(503) == len(answers) - answered > 0
        for refused in (alone.predict(key), alone.predict(key, streaming=True)):
            assert (refused.status, refused.json()["code"]) == (503, "unavailable")
            assert refused.headers["retry-after"] == "2"
        head = {"Authorization": f"Bearer {key}"}
        completion = {"model": alone.chatflow, "messages": [{"role": "user", "content": "Hi"}]}
        openais = alone.request("POST", "/v1/chat/completions", completion, head)
        assert (openais.status, openais.json()["error"]["code"]) == (503, "unavailable")
        # Who is not let in hears that, and never that there is no room for the record.
        assert alone.predict().status == 401
        assert alone.predict("flk_sk_x").status == 401
        assert alone.request("POST", "/v1/chat/completions", completion).status == 401
        assert alone.predict(other).json()["code"] == "key_not_selected"
        head = {"Authorization": f"Bearer {other}"}
        openais = alone.request("POST", "/v1/chat/completions", completion, head)
        assert openais.json()["error"]["code"] == "key_not_selected"
        assert alone.request("GET", "/livez").status == 200
    assert eventually(lambda: alone.predict(key).status == 200, within=HEALS_WITHIN)
    assert "records dropped" not in alone.log
    # All are written, the long ones up to where they are cut.
    alone.wait_for_calls(answered + 2)


def test_callers_without_a_key_shut_out_nobody_who_has_one(alone: Shipped) -> None:
    public = alone.do("make_chatflow", team="acme", name="Public", entries=[["Hi", "Hello"]])
    alone.do("save_access", chatflow=public, mode="public", opens_for=[])
    key = alone.do("make_key", team="acme", name="k", opens=[alone.chatflow])
    refused = recorder.MAX_WAITING // 4 // recorder.RECORD_BYTES + 50
    let_in = recorder.MAX_WAITING // 2 // (len(LONG) + recorder.RECORD_BYTES) + 10
    with no_writes(alone):
        assert set(statuses(alone, alone.chatflow, "Hi", refused)) == {401}
        assert alone.predict(key).status == 200
        answers = statuses(alone, public, LONG, let_in)
        assert set(answers) == {200, 503}
        assert answers == sorted(answers), "no more is let in until some are written"
        assert alone.predict(key).status == 200
        assert statuses(alone, alone.chatflow, "Hi", 1) == [401]
    assert eventually(lambda: alone.predict(chatflow=public).status == 200, within=HEALS_WITHIN)
    assert eventually(lambda: "records dropped" in alone.log)


def statuses(server: Shipped, chatflow: str, question: str, count: int) -> list[int]:
    """Ask so often without a key, on one connection; the statuses of the answers."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    body, found = json.dumps({"question": question}), []
    for _ in range(count):
        path = f"/api/v1/prediction/{chatflow}"
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        found.append(response.status)
    connection.close()
    return found
