"""manage.py restore on SQLite: into an empty place alone, and a drill's copy sends nothing."""

import json
from pathlib import Path

import pytest

from accounts.crypto import keyring
from tests import mail_servers
from tests.config.copies.conftest import Installation
from tests.ports import free_port
from tests.server import shipped
from tests.server.start.test_worker import until

pytestmark = pytest.mark.server


def edit(made: Path, **values: object) -> None:
    manifest = json.loads((made / "manifest.json").read_text())
    (made / "manifest.json").write_text(json.dumps({**manifest, **values}))


def test_a_backup_is_restored_and_says_what_is_lost(
    home: Installation, other: Installation, made: Path
) -> None:
    said = other.done("restore", made)
    at = json.loads((made / "manifest.json").read_text())["made_at"][:19].replace("T", " ")
    assert f"What happened after {at} UTC is lost" in said
    assert "valid again" in said
    assert "brings them up to date" not in said
    assert other.done("verify_audit") == home.done("verify_audit")
    assert (other.folder / "keyring.json").stat().st_mode & 0o777 == 0o600
    assert other.database.stat().st_mode & 0o777 == 0o600


def test_a_key_works_in_the_restored_copy(
    home: Installation, other: Installation, tmp_path: Path
) -> None:
    (chatflow,) = home.sql("SELECT id FROM chatflows_chatflow")[0]
    key = home.done("issue_key", "--team", "acme", "--name", "k", "--chatflow", chatflow).strip()
    home.done("backup", tmp_path / "backups")
    other.done("restore", *(tmp_path / "backups").iterdir())
    server = shipped.start(other.folder, {"DATABASE_URL": ""})
    assert server.predict(key).status == 200
    assert server.stop() == 0


def test_what_is_there_already_stays(home: Installation, made: Path) -> None:
    before = home.done("verify_audit")
    assert "flowlatch.sqlite3 is there already" in home.refused("restore", made)
    assert home.done("verify_audit") == before


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_part_of_an_old_database_is_refused(other: Installation, made: Path, suffix: str) -> None:
    other.folder.mkdir()
    left = other.folder / f"flowlatch.sqlite3{suffix}"
    left.write_bytes(b"old")
    assert f"{left} is there already" in other.refused("restore", made)
    assert [*other.folder.iterdir()] == [left]


def test_another_ring_is_refused_and_the_same_one_is_taken(
    home: Installation, other: Installation, made: Path
) -> None:
    other.folder.mkdir()
    ring = other.folder / "keyring.json"
    keyring.create(ring)
    foreign = ring.read_bytes()
    assert "is another one than that of the backup" in other.refused("restore", made)
    assert ring.read_bytes() == foreign
    assert not other.database.exists()
    ring.write_bytes((home.folder / "keyring.json").read_bytes())
    other.done("restore", made)


def test_a_damaged_backup_leaves_nothing_behind(other: Installation, made: Path) -> None:
    with (made / "database.sqlite3").open("r+b") as file:
        file.seek(5000)
        file.write(b"x" * 100)
    assert "is damaged" in other.refused("restore", made)
    assert not other.folder.exists()


@pytest.mark.parametrize(
    "values",
    [{"version": "99.0.0"}, {"migrations": {"accounts": "9999_future"}}],
    ids=["version", "migration"],
)
def test_a_newer_backup_is_refused_by_name(
    other: Installation, made: Path, values: dict[str, object]
) -> None:
    edit(made, **values)
    line = other.refused("restore", made)
    if "version" in values:
        assert "made by Flowlatch 99.0.0" in line
    assert not other.folder.exists()


def test_a_backup_of_another_database_is_refused(
    other: Installation, made: Path, empty_url: str
) -> None:
    line = other.refused("restore", made, DATABASE_URL=empty_url)
    assert "The backup is of sqlite, and DATABASE_URL names postgresql" in line


@pytest.mark.large
def test_a_drills_copy_sends_nothing_until_it_ends(tmp_path: Path) -> None:
    # Nobody listens at the original's mail server, so its mail waits.
    original = shipped.start(tmp_path / "home", mail_to(free_port()))
    original.do("queue_mail", to="eve@example.com")
    assert original.manage("backup", str(tmp_path / "backups")).returncode == 0
    assert original.stop() == 0
    (backup,) = (tmp_path / "backups").iterdir()
    copy = Installation(tmp_path / "copy")
    assert "it sends no mail" in copy.done("restore", "--drill", backup)
    with mail_servers.running() as mailbox:
        drill = shipped.start(copy.folder, mail_to(mailbox.port))
        until(lambda: "worker holds still" in drill.log)
        assert "no mail leaves" in drill.log.partition("First chatflow")[2]
        drill.do("queue_mail", to="vera@example.com")
        assert "2 mails wait in this copy" in copy.refused("restore", "--end-drill")
        assert mailbox.recipients == []
        assert "2 mails that wait are sent now" in copy.done("restore", "--end-drill", "--yes")
        until(lambda: {*mailbox.recipients} == {"eve@example.com", "vera@example.com"})
        assert drill.stop() == 0
    assert "no drill's copy" in copy.refused("restore", "--end-drill", "--yes")


def mail_to(port: int) -> dict[str, str]:
    return {**shipped.OWNER, "EMAIL_URL": f"smtp://127.0.0.1:{port}", "DATABASE_URL": ""}
