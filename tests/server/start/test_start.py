"""Starting: an empty folder is enough, a second start changes nothing, a missing part is said."""

import functools
import os
import re
import signal
import socket
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from accounts.crypto import keyring
from config.server import ACCEPTED_AT_ONCE
from tests import dumps
from tests.ports import free_port
from tests.server import forks, shipped
from tests.server.forks import PATIENCE, Forked
from tests.server.shipped import (
    OWNER,
    POSTGRES,
    SERVE,
    environment,
)
from tests.server.workers import listeners

pytestmark = pytest.mark.server
start = functools.partial(shipped.start, is_first=True)
start_program = functools.partial(start, is_fork=False)
on_sqlite = pytest.mark.skipif(POSTGRES in os.environ, reason="hurts a SQLite file")


def dump(folder: Path) -> str:
    """All rows of the database, as SQL."""
    if url := environment(folder).get("DATABASE_URL"):
        with psycopg.connect(url) as on_server:
            return dumps.postgres(on_server)
    with closing(sqlite3.connect(folder / "flowlatch.sqlite3")) as connection:
        return "\n".join(connection.iterdump())


def refused(folder: Path, **env: str) -> str:
    """What a start that fails prints on standard error."""
    done = forks.run([*SERVE], environment(folder, **{"PORT": str(free_port()), **env}))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr.strip()


def test_a_first_start_prints_a_set_up_link_and_no_key(tmp_path: Path) -> None:
    server = start_program(tmp_path, {})
    printed = server.log
    assert re.search(rf"http://127\.0\.0\.1:{server.port}/set-up/fll_[\w-]{{43}}/", printed)
    assert "flk_sk_" not in printed
    assert stat.S_IMODE((tmp_path / "keyring.json").stat().st_mode) == 0o600
    assert server.stop() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_many_who_connect_at_once_are_accepted_together(tmp_path: Path, workers: int) -> None:
    env = {**OWNER, "WEB_CONCURRENCY": str(workers)}
    server = shipped.start(tmp_path, env, is_fork=False)
    assert listeners(server) == [ACCEPTED_AT_ONCE] * workers
    assert server.stop() == 0


def test_a_second_start_changes_nothing_and_kills_the_old_link(tmp_path: Path) -> None:
    first = start_program(tmp_path, {"TEAM_NAME": "Acme"})
    ring = (tmp_path / "keyring.json").read_bytes()
    first.stop()
    before = [line for line in dump(tmp_path).split("\n") if "accounts_linktoken" not in line]
    second = start_program(tmp_path, {"TEAM_NAME": "Another"})
    links = re.findall(r"/set-up/fll_[\w-]+/", second.log)  # both starts write to it
    assert len(links) == 2
    assert second.request("GET", links[0]).status == 410
    assert second.request("GET", links[1]).status == 302
    second.stop()
    after = [line for line in dump(tmp_path).split("\n") if "accounts_linktoken" not in line]
    kept = [line for line in after if "accounts_session" not in line]
    assert kept == [line for line in before if "accounts_session" not in line]
    assert (tmp_path / "keyring.json").read_bytes() == ring


@pytest.mark.large
def test_an_unattended_owner_gets_keys_by_the_command_alone(tmp_path: Path) -> None:
    server = start(tmp_path, OWNER)
    assert "/set-up/" not in server.log
    issue = ("issue_key", "--team", "acme")
    refused_ = server.manage(*issue, "--name", "first", "--chatflow", "not-a-uuid")
    assert refused_.returncode != 0
    done = server.manage(*issue, "--name", "first", "--chatflow", server.chatflow)
    text = done.stdout.strip()
    assert re.fullmatch(r"flk_sk_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}", text)
    assert server.predict(text).status == 200
    assert "--rotate" in server.manage(*issue, "--name", "first").stderr
    rotated = server.manage(*issue, "--name", "first", "--rotate").stdout.strip()
    assert (server.predict(text).status, server.predict(rotated).status) == (401, 200)
    default = server.manage(*issue, "--name", "DefaultKey").stdout.strip()
    short = server.manage(*issue, "--name", "short", "--expires-in", "30d").stdout.strip()
    assert server.predict(short).json()["code"] == "key_not_selected"
    other = server.manage(*issue, "--name", "looker", "--scopes", "chatflows:view").stdout.strip()
    assert server.predict(other).json()["code"] == "insufficient_scope"
    assert server.predict(default).status == 200
    assert "acme" in server.manage("issue_key", "--team", "nobody", "--name", "x").stderr
    assert server.manage("setup_link").returncode != 0
    assert server.do("audit_holds", team="acme")
    everything = dump(tmp_path) + server.log
    for secret in (text, rotated, default):
        assert secret not in everything
        assert secret[20:63] not in everything
    assert server.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(tmp_path: Path, number: int) -> None:
    server = shipped.start(tmp_path, is_fork=False)
    key = server.do("make_key", team="acme", name="late", opens=[server.chatflow])
    server.predict(key)  # its record is still on its way
    assert server.stop(number) == 0
    assert "Traceback" not in server.log
    assert dump(tmp_path).count('INSERT INTO "chatflows_call"') == 1


@pytest.mark.parametrize(
    "moments", [(3, 4), pytest.param((*range(8),), marks=pytest.mark.large)], ids=len
)
def test_kill_9_leaves_nothing_half_written(tmp_path: Path, moments: tuple[int, ...]) -> None:
    """Killed at moments of the first start; the next start finishes it."""
    log = (tmp_path / "log").open("w")
    for moment in moments:
        folder = tmp_path / str(moment)
        folder.mkdir()
        env = environment(folder, PORT=str(free_port()), **OWNER)
        process = Forked([*SERVE], env=env, stdout=log.fileno(), stderr=log.fileno())
        time.sleep(0.2 + 0.15 * moment)
        process.kill()
        process.wait(PATIENCE)
        if moment % 4 != 3:  # enough to look at the database; every fourth is started again
            _is_whole(folder)
            continue
        server = start(folder, OWNER)
        assert server.do("audit_holds", team="acme")
        assert server.manage("issue_key", "--team", "acme", "--name", "DefaultKey").stdout
        server.stop()
    log.close()


def _is_whole(folder: Path) -> None:
    if "DATABASE_URL" in environment(folder):
        rows = dump(folder)
        names = ("accounts_team", "apikeys_apikey", "chatflows_chatflow", "chatflows_selection")
        counts = {rows.count(f'INTO "{name}"') for name in names}
        assert len(counts) == 1
        assert counts <= {0, 1}
        return
    path = folder / "flowlatch.sqlite3"
    if not path.exists():
        return
    with closing(sqlite3.connect(path)) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        if "chatflows_chatflow" not in tables or "accounts_team" not in tables:
            return
        (teams,) = connection.execute("SELECT count(*) FROM accounts_team").fetchone()
        (keys,) = connection.execute("SELECT count(*) FROM apikeys_apikey").fetchone()
        (flows,) = connection.execute("SELECT count(*) FROM chatflows_chatflow").fetchone()
        (selected,) = connection.execute("SELECT count(*) FROM chatflows_selection").fetchone()
    assert teams == keys == flows == selected <= 1


def test_a_taken_port_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refused(tmp_path, PORT=str(port))
    assert "\n" not in line
    assert f"Port {port}" in line
    assert "PORT=" in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    line = refused(tmp_path / "closed")
    assert "\n" not in line
    assert "FLOWLATCH_DATA" in line


def test_a_folder_that_is_a_file_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    line = refused(tmp_path / "file")
    assert "\n" not in line
    assert "folder" in line


def test_a_lost_foreign_or_damaged_key_ring_stops_the_start(tmp_path: Path) -> None:
    shipped.start(tmp_path).stop()
    ring = tmp_path / "keyring.json"
    kept = ring.read_text()
    ring.unlink()
    assert "lost" in refused(tmp_path)
    keyring.create(ring)
    assert "not the one" in refused(tmp_path)
    ring.write_text("{")
    assert "damaged" in refused(tmp_path)
    ring.write_text(kept)
    start(tmp_path, OWNER).stop()


def test_a_limits_url_that_cannot_be_read_is_said_in_one_line_without_its_password(
    tmp_path: Path,
) -> None:
    line = refused(tmp_path, LIMITS_URL="redis://someone:hush#hush@store.example:6379")
    assert "\n" not in line
    assert "LIMITS_URL" in line
    assert "hush" not in line


@pytest.mark.large
def test_owner_settings_that_cannot_work_are_said_in_one_line(tmp_path: Path) -> None:
    email = {"OWNER_EMAIL": "alice@acme.example"}
    assert "OWNER_PASSWORD" in refused(tmp_path, **email)
    assert "12 characters" in refused(tmp_path, **email, OWNER_PASSWORD="short")
    assert "\n" not in refused(tmp_path, OWNER_EMAIL="nonsense", OWNER_PASSWORD="x" * 20)
    assert "TEAM_NAME" in refused(tmp_path, TEAM_NAME="Win at http://evil.example/now")
    assert "at most 80" in refused(tmp_path, TEAM_NAME="x" * 81)


@on_sqlite
def test_a_database_that_goes_away_closes_every_door_and_heals(tmp_path: Path) -> None:
    server = shipped.start(tmp_path)
    key = server.do("make_key", team="acme", name="k", opens=[server.chatflow])
    assert server.predict(key).status == 200
    path = tmp_path / "flowlatch.sqlite3"
    path.rename(tmp_path / "away")
    for answer in (server.predict(key), server.predict(), server.predict("flk_sk_x")):
        assert answer.status in (401, 503)
    gone = server.predict(key)
    assert (gone.status, gone.headers["retry-after"]) == (503, "2")
    assert server.predict().status == 503
    (tmp_path / "away").rename(path)
    assert server.predict(key).status == 200
    assert server.stop() == 0
