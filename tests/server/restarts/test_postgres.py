"""PostgreSQL gone, silent, strange or shared by two starts: closed, said in a line, healed."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from config.postgresql import BoundedConnection
from tests import dumps
from tests.ports import free_port
from tests.postgres import FORGETFUL, Postgres, create_database
from tests.server import forks
from tests.server.forks import PATIENCE, ROOT
from tests.server.shipped import (
    OWNER,
    POSTGRES,
    SERVE,
    Answer,
    Shipped,
    environment,
    start,
)
from tests.server.world import eventually

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(POSTGRES not in os.environ, reason="the tests' database is SQLite"),
]
WITHIN = 5  # seconds: to close, and to heal
GIVEN_UP_WITHIN = 8  # seconds: what a page waits for a server that says nothing
SESSION = {"Cookie": f"flowlatch={'a' * 32}"}  # nobody's, but it is looked up


@pytest.fixture(scope="module")
def own() -> Iterator[Postgres]:
    """A PostgreSQL that may be hurt."""
    with Postgres(*FORGETFUL) as running:
        yield running


@pytest.fixture
def url(own: Postgres, tmp_path: Path) -> str:
    """An empty database on it."""
    return create_database(own.url, tmp_path.name.lower())


@pytest.fixture
def server(url: str, tmp_path: Path) -> Iterator[Shipped]:
    running = start(tmp_path, {**OWNER, "DATABASE_URL": url})
    yield running
    assert running.stop() == 0
    assert "Traceback" not in running.log


def refused(folder: Path, url: str) -> str:
    """What a start that fails prints on standard error."""
    env = environment(folder, DATABASE_URL=url, DATABASE_WAIT="0", PORT=str(free_port()))
    done = forks.run([*SERVE], env)
    assert done.returncode != 0
    line = done.stderr.strip()
    assert "\n" not in line
    assert "ss:word" not in line
    return line


def within(seconds: float, ask: Callable[[], Answer], status: int) -> None:
    """Ask until the answer has the status."""
    deadline = time.monotonic() + seconds
    while (answer := ask()).status != status:
        assert answer.status in (200, 503)
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _closes_and_heals(server: Shipped, hurt: Callable[[], None], cure: Callable[[], None]) -> None:
    key = server.do("make_key", team="acme", name="k", opens=[server.chatflow])
    assert server.predict(key).status == 200
    hurt()
    try:
        for _ in range(2):
            began = time.monotonic()
            gone = server.predict(key)
            assert time.monotonic() - began < WITHIN
            assert (gone.status, gone.headers["retry-after"]) == (503, "2")
        assert server.predict().status == 503
    finally:
        cure()
    within(WITHIN, lambda: server.predict(key), 200)


def test_a_database_that_stops_closes_every_door_and_heals(server: Shipped, own: Postgres) -> None:
    _closes_and_heals(server, own.stop, own.start)


@contextmanager
def waiting(url: str, folder: Path, *command: str) -> Iterator[subprocess.Popen[str]]:
    """A command that has said that it waits for the database."""
    env = environment(folder, **OWNER, DATABASE_URL=url, PORT=str(free_port()))
    log = folder / "waiting.log"
    with (
        log.open("w") as file,
        subprocess.Popen(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=env,
            stdout=file,
            stderr=file,
            text=True,
        ) as process,
    ):
        try:
            assert eventually(lambda: "database is not up" in log.read_text())
            yield process
            assert log.read_text().count("database is not up") == 1
        finally:
            process.kill()


def test_a_migration_waits_for_a_database_that_is_not_up_yet(
    url: str, own: Postgres, tmp_path: Path
) -> None:
    own.stop()
    with waiting(url, tmp_path, "migrate") as process:
        own.start()
        assert process.wait(PATIENCE) == 0


def test_a_signal_ends_a_start_that_waits(url: str, own: Postgres, tmp_path: Path) -> None:
    own.stop()
    try:
        with waiting(url, tmp_path, "serve") as process:
            process.terminate()
            assert process.wait(PATIENCE) == -signal.SIGTERM
    finally:
        own.start()


def test_a_database_that_falls_silent_closes_every_door_and_heals(
    server: Shipped, own: Postgres
) -> None:
    _closes_and_heals(server, own.pause, lambda: own.pause(is_paused=False))


def test_a_page_gives_up_a_database_that_falls_silent(server: Shipped, own: Postgres) -> None:
    def page(_: object = None) -> Answer:
        return server.request("GET", "/t/acme/keys/", headers=SESSION)

    def closed_within(seconds: float) -> None:
        began = time.monotonic()
        answers = [pool.submit(page) for _ in range(4)]
        assert server.request("GET", "/livez").status == 200
        for answer in answers:
            assert answer.result().status == 503
            assert b"<html" in answer.result().body
        assert time.monotonic() - began < seconds

    with ThreadPoolExecutor(4) as pool:
        assert {answer.status for answer in pool.map(page, range(4))} == {302}
        own.pause()
        try:
            closed_within(GIVEN_UP_WITHIN)
            closed_within(GIVEN_UP_WITHIN)
        finally:
            own.pause(is_paused=False)
    deadline = time.monotonic() + 2 * WITHIN
    while page().status != 302:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_slow_statement_of_a_server_that_answers_is_waited_for(url: str) -> None:
    with BoundedConnection.connect(url) as connection:
        began = time.monotonic()
        assert connection.execute("SELECT pg_sleep(4), 7").fetchone()[1] == 7  # type: ignore[index]
        assert time.monotonic() - began >= 4


@pytest.mark.parametrize("how", ["start", "migrate"])
def test_a_slow_statement_of_a_migration_is_waited_for_and_no_other(
    url: str, tmp_path: Path, how: str
) -> None:
    env = environment(tmp_path, DATABASE_URL=f"{url}?options=-c%20statement_timeout%3D1s")
    done = forks.run(["-m", "tests.server.slow_migrations", how], env)
    assert (done.returncode, done.stdout.strip()) == (0, "1s 1s"), done.stderr


def test_a_read_only_database_answers_what_was_granted_and_takes_no_change(
    server: Shipped, url: str, own: Postgres
) -> None:
    key = server.do("make_key", team="acme", name="k", opens=[server.chatflow])
    assert server.predict(key).status == 200
    server.wait_for_calls(1)
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        admin.execute("SELECT pg_reload_conf()")
        try:
            time.sleep(0.5)  # until all sessions have read it
            assert server.predict(key).status == 200
            assert server.predict("flk_sk_x").status == 401
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                _change(url)
            assert _login(server) == 503
        finally:
            admin.execute("SET default_transaction_read_only = off")
            admin.execute("ALTER SYSTEM RESET default_transaction_read_only")
            admin.execute("SELECT pg_reload_conf()")
    assert len(server.wait_for_calls(3)) >= 3, "records waited"


def _change(url: str) -> None:
    with psycopg.connect(url) as other:
        other.execute("UPDATE apikeys_apikey SET disabled_at = now()")


def _login(server: Shipped) -> int:
    """The status of a wrong login, which is counted."""
    page = server.request("GET", "/login/")
    token = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', page.body)
    cookie = re.search(r"flowlatch-csrf=\w+", page.headers["set-cookie"])
    assert token is not None
    assert cookie is not None
    head = {"Cookie": cookie[0], "Content-Type": "application/x-www-form-urlencoded"}
    form = b"login=alice&password=wrong&csrfmiddlewaretoken=" + token[1]
    return server.request("POST", "/login/", form, head).status


def test_lost_connections_are_opened_again(server: Shipped, url: str) -> None:
    key = server.do("make_key", team="acme", name="k", opens=[server.chatflow])
    assert server.predict(key).status == 200
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    within(WITHIN, lambda: server.predict(key), 200)
    assert server.request("GET", "/login/").status == 200


def test_a_stamp_that_is_gone_closes_every_door(server: Shipped, url: str) -> None:
    key = server.do("make_key", team="acme", name="k", opens=[server.chatflow])
    assert server.predict(key).status == 200
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("DELETE FROM chatflows_accessstamp")
        assert server.predict(key).status == 503
        admin.execute("INSERT INTO chatflows_accessstamp (stamp) VALUES (1)")
    assert server.predict(key).status == 200


def test_a_change_by_hand_and_a_restored_row_hold_at_once(server: Shipped, url: str) -> None:
    key = server.do("make_key", team="acme", name="k", opens=[server.chatflow])
    assert server.predict(key).status == 200
    with psycopg.connect(url) as admin:
        admin.execute("SET session_replication_role = replica")  # as pg_restore does
        admin.execute("UPDATE apikeys_apikey SET disabled_at = now() WHERE name = 'k'")
        assert server.predict(key).status == 200  # not yet committed
        admin.commit()
        assert server.predict(key).status == 401
        admin.execute("TRUNCATE chatflows_selection")
        admin.execute("UPDATE apikeys_apikey SET disabled_at = NULL WHERE name = 'k'")
        admin.commit()
        assert server.predict(key).json()["code"] == "key_not_selected"


def test_what_is_wrong_with_the_database_is_said_in_one_line(
    own: Postgres, url: str, tmp_path: Path
) -> None:
    assert "authentication failed" in refused(tmp_path, url.replace("word", "nonsense"))
    assert "does not exist" in refused(tmp_path, url.replace(tmp_path.name.lower(), "nowhere"))
    assert "can't be used" in refused(tmp_path, url.replace(str(own.port), str(free_port())))
    unread = url.replace("p%40ss%3Aword%2F1", "p#ss:word/1")
    assert "can't be" in refused(tmp_path, unread)
    assert "DATABASE_URL" in refused(tmp_path, "mysql://u:ss:word@h/d")
    with psycopg.connect(url, autocommit=True) as admin:
        name = tmp_path.name.lower()
        admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'.encode())
    assert "read-only" in refused(tmp_path, url)


def test_a_replica_is_refused(own: Postgres, url: str, tmp_path: Path) -> None:
    own.become_replica()
    try:
        assert "replica" in refused(tmp_path, url)
    finally:
        own.become_primary()


def test_two_starts_at_once_on_an_empty_database_are_one(url: str, tmp_path: Path) -> None:
    env = {**OWNER, "DATABASE_URL": url}
    with ThreadPoolExecutor(2) as pool:
        servers = [*pool.map(lambda _: start(tmp_path, env), range(2))]
    key = servers[0].do("make_key", team="acme", name="k", opens=[servers[0].chatflow])
    for server in servers:
        assert server.predict(key, servers[0].chatflow).status == 200
    with psycopg.connect(url) as connection:
        rows = dumps.postgres(connection)
    assert rows.count('INTO "accounts_team"') == rows.count('INTO "accounts_user"') == 1
    assert [server.stop() for server in servers] == [0, 0]
