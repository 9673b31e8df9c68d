"""The key file through shipped starts: a lost database opens the same door with the same key."""

import json
import os
from pathlib import Path

import pytest

from apikeys.key_file import layout
from tests.server import forks
from tests.server.shipped import OWNER, POSTGRES, Shipped, environment, start

pytestmark = pytest.mark.server
on_sqlite = pytest.mark.skipif(POSTGRES in os.environ, reason="the key file is for SQLite alone")
ENTRY = ["What is Flowlatch?", "The front door."]


def folder(home: Path) -> dict[str, str]:
    """A folder for the key file."""
    return {"APIKEY_PATH": str(home / "keys")}


def lose_the_database(server: Shipped) -> None:
    """Stop the server and delete its database, as a broken disk would."""
    assert server.stop() == 0
    assert "Traceback" not in server.log
    for part in server.folder.glob("flowlatch.sqlite3*"):
        part.unlink()


@on_sqlite
def test_after_a_lost_database_the_same_key_opens_the_same_chatflow(tmp_path: Path) -> None:
    env = {**OWNER, **folder(tmp_path)}
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "api.json").write_text("Flowise's own")
    server = start(tmp_path / "data", env)
    chatflow = server.chatflow
    text = server.do("make_key", team="acme", name="integration", opens=[chatflow])
    lost = server.do("make_key", team="acme", name="deleted", opens=[chatflow])
    server.do("delete", name="deleted")
    assert (server.predict(text).status, server.predict(lost).status) == (200, 401)
    lose_the_database(server)

    server = start(tmp_path / "data", env)
    assert "keys restored from the key file" in server.log
    assert server.predict(text, chatflow).status == 404
    server.do("make_chatflow", team="acme", name="Again", entries=[ENTRY], id_=chatflow)
    assert server.predict(text, chatflow).json()["text"] == "The front door."
    assert server.predict(lost, chatflow).status == 401
    assert server.stop() == 0
    assert (tmp_path / "keys" / "api.json").read_text() == "Flowise's own"
    assert "a key file of Flowise is there" in server.log
    assert "Traceback" not in server.log


@on_sqlite
def test_a_damaged_file_stops_the_start_and_names_the_line(tmp_path: Path) -> None:
    env = {**OWNER, **folder(tmp_path)}
    server = start(tmp_path / "data", env)
    lose_the_database(server)
    path = tmp_path / "keys" / layout.NAME
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))
    hurt = path.read_bytes()

    done = forks.run(["manage.py", "serve"], server.env)
    assert done.returncode == 1
    assert f"The key file {path} can't be used: line 2 does not hold" in done.stderr
    assert path.read_bytes() == hurt

    path.rename(path.with_suffix(".old"))
    server = start(tmp_path / "data", env)
    assert json.loads(path.read_bytes().splitlines()[0])["count"] == 2
    assert server.stop() == 0


@on_sqlite
def test_a_folder_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("")
    done = forks.run(["manage.py", "serve"], environment(tmp_path / "data", **folder(tmp_path)))
    assert done.returncode == 1
    assert f"The folder {tmp_path / 'keys'} can't be made" in done.stderr


def test_with_postgresql_the_key_file_is_refused_in_one_line(tmp_path: Path) -> None:
    url = "postgres://db.example/flowlatch"
    env = environment(tmp_path, DATABASE_URL=url, APIKEY_PATH=str(tmp_path))
    done = forks.run(["manage.py", "check"], env)
    assert done.returncode != 0
    assert "APIKEY_PATH works with SQLite alone." in done.stderr
