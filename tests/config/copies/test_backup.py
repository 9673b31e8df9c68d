"""manage.py backup on SQLite: whole or not there, for its owner alone, and checked."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from accounts.crypto import keyring
from config.copies import layout
from tests.config.copies.conftest import Installation
from tests.server import shipped
from tests.server.forks import PATIENCE, ROOT

pytestmark = pytest.mark.server

KILLED = """
import os, signal, sys
import django
django.setup()
from config.copies import layout
from django.core.management import call_command
layout.write_manifest = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
call_command("backup", sys.argv[1])
"""


def backups(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def aged(backup: Path, day: int) -> Path:
    """The same backup, as if it were made on an earlier day."""
    return backup.rename(backup.with_name(f"flowlatch-202601{day:02}T030000Z"))


def test_a_backup_is_a_dated_folder_for_its_owner_alone(home: Installation, folder: Path) -> None:
    said = home.done("backup", folder)
    (made,) = backups(folder)
    assert f"{made} is whole" in said
    assert "Its audit trail holds." in said
    assert {path.name for path in made.iterdir()} == {
        "database.sqlite3",
        "keyring.json",
        "manifest.json",
    }
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, made, *made.iterdir())}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert home.done("backup", "--check", made) == said


def test_the_manifest_says_what_is_in_it_and_no_secret(home: Installation, made: Path) -> None:
    manifest = json.loads((made / "manifest.json").read_text())
    assert manifest["database"] == "sqlite"
    assert manifest["teams"] == 1
    assert manifest["rows"]["apikeys_apikey"] == 2
    links = {f"holds {link}" for link in manifest["links"].values()}
    assert links == {line.split(": ")[1] for line in home.done("verify_audit").splitlines()}
    text = (made / "manifest.json").read_text()
    for secret in json.loads((made / "keyring.json").read_text())["keys"].values():
        assert secret["1"] not in text


def test_the_server_writes_on_while_a_backup_is_made_each_night(tmp_path: Path) -> None:
    server = shipped.start(tmp_path / "home", {**shipped.OWNER, "DATABASE_URL": ""})
    for night in (1, 2, 3):
        assert server.do("make_team", name=f"Team {night}")
        made = server.manage("backup", str(tmp_path / "backups"), "--keep", "2")
        assert made.returncode == 0, made.stderr
        aged(backups(tmp_path / "backups")[-1], night)
    assert server.stop() == 0
    kept = backups(tmp_path / "backups")
    assert [layout.read_manifest(path).teams for path in kept] == [3, 4]


def test_old_backups_stay_while_the_new_one_is_not_good(
    home: Installation, folder: Path, made: Path
) -> None:
    home.sql("DROP TRIGGER audit_event_is_final")
    home.sql("UPDATE accounts_auditevent SET actor_name = 'nobody' WHERE sequence = 3")
    line = home.refused("backup", folder, "--keep", 1)
    assert "broken at entry 3" in line
    assert made in backups(folder)
    assert len(backups(folder)) == 2


def test_a_backup_that_was_cut_by_a_kill_leaves_nothing(home: Installation, folder: Path) -> None:
    env = {**shipped.environment(home.folder, DATABASE_URL=""), "PYTHONPATH": str(ROOT)}
    env["DJANGO_SETTINGS_MODULE"] = "config.settings"
    program = [sys.executable, "-c", KILLED, str(folder)]
    assert subprocess.run(program, env=env, timeout=PATIENCE, check=False).returncode == -9
    (left,) = backups(folder)
    assert left.name.startswith(".partial-")
    assert layout.backups_in(folder) == []
    assert "no backup" in home.refused("backup", "--check", left)
    home.done("backup", folder)
    assert [path.name[:10] for path in backups(folder)] == ["flowlatch-"]


def test_a_full_disk_leaves_nothing_and_keeps_the_old_ones(
    home: Installation, folder: Path, made: Path
) -> None:
    env = shipped.environment(home.folder, DATABASE_URL="")
    script = f'ulimit -f 300; exec "{sys.executable}" manage.py backup "{folder}" --keep 1'
    run = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert "can't be copied" in run.stderr
    assert backups(folder) == [made]


def test_a_second_backup_into_a_folder_waits_for_nobody(home: Installation, folder: Path) -> None:
    folder.mkdir()
    with layout.alone_in(folder):
        assert "Wait for its end" in home.refused("backup", folder)
    assert backups(folder) == []


@pytest.mark.parametrize("name", ["database.sqlite3", "keyring.json", "manifest.json"])
def test_a_cut_file_is_noticed(home: Installation, made: Path, name: str) -> None:
    cut = made / name
    os.truncate(cut, cut.stat().st_size // 2)
    assert f"{cut} is damaged" in home.refused("backup", "--check", made)


def test_an_edited_copy_is_noticed_though_its_digest_is_right(
    home: Installation, made: Path
) -> None:
    with closing(sqlite3.connect(made / "database.sqlite3", isolation_level=None)) as database:
        database.execute("DROP TRIGGER audit_event_is_final")
        database.execute("UPDATE accounts_auditevent SET actor_name = 'x' WHERE sequence = 2")
    manifest = json.loads((made / "manifest.json").read_text())
    manifest["files"]["database.sqlite3"] = layout.digest(made / "database.sqlite3")
    (made / "manifest.json").write_text(json.dumps(manifest))
    assert "broken at entry 2" in home.refused("backup", "--check", made)


def test_a_manifest_of_another_version_is_refused_by_name(home: Installation, made: Path) -> None:
    manifest = json.loads((made / "manifest.json").read_text())
    (made / "manifest.json").write_text(json.dumps({**manifest, "format": 2, "version": "9.1"}))
    assert "Use the version of Flowlatch that made it: 9.1." in home.refused(
        "backup", "--check", made
    )


def test_a_foreign_ring_is_not_backed_up(home: Installation, folder: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.json"
    keyring.create(foreign)
    foreign.rename(home.folder / "keyring.json")
    line = home.refused("backup", folder)
    assert str(home.folder / "keyring.json") in line
    assert "not the one that the database was written with" in line
    assert backups(folder) == []


def test_where_nothing_is_yet_there_is_nothing_to_back_up(
    other: Installation, folder: Path
) -> None:
    assert "keyring.json can't be read" in other.refused("backup", folder)
    assert backups(folder) == []
