"""Commands of a terminal with a wrong key ring, or without one: one line, and nothing is done."""

import base64
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command, get_commands

from accounts.crypto import keyring
from accounts.crypto.keyring import Purpose
from accounts.management.checked import WRONG_RING, CheckedUtility
from accounts.management.commands import make_operator
from accounts.models import AuditEvent, RingKey, Team, User
from accounts.outages import NOT_STARTED
from accounts.services.key_ring import rotation
from tests import audit_locks, rings

OURS = ("config", "accounts", "apikeys", "chatflows")
# Commands that open no key ring, and why. A stale line fails.
UNCHECKED = {
    "serve": "it makes the ring, and checks it itself",
    "runserver": "likewise",
    "migrate": "it changes tables alone",
    "openapi": "it reads the code alone",
    "backup": "it checks the ring that it copies, and with --check that of a copy, on any machine",
    "move_to": "it checks the ring with the database that it moves",
    "restore": "it puts the ring back, and checks that of the copy",
}
# Every other command, with arguments that would succeed.
COMMANDS: dict[str, tuple[str, ...]] = {
    "import_flowise": ("api.json", "--team", "acme"),
    "issue_key": ("--team", "acme", "--name", "DefaultKey"),
    "keyring": ("add", "pepper"),
    "make_operator": ("alice",),
    "reset_link": ("alice@example.com",),
    "setup_link": (),
    "verify_audit": (),
    "worker": (),
}


@pytest.fixture
def path(acme: Team, alice: User, tmp_path: Path) -> Iterator[Path]:
    """A ring that was rotated once, and its state before that as `older`."""
    with rings.own(tmp_path) as made:
        (tmp_path / "older").write_bytes(made.read_bytes())
        rotation.add(Purpose.PEPPER, rings.BY)
        rotation.use(Purpose.PEPPER, rings.BY)
        yield made


def foreign(path: Path) -> None:
    path.unlink()
    keyring.create(path)


def newer(path: Path) -> None:
    path.write_text(json.dumps({**rings.stored(path), "format": 2}))


def unreadable(path: Path) -> None:
    path.unlink()
    path.mkdir()


def damaged(path: Path) -> None:
    content = rings.stored(path)
    content["keys"]["audit"]["1"] = base64.b64encode(b"short").decode()
    path.write_text(json.dumps(content))


def lacking(path: Path) -> None:
    content = rings.stored(path)
    del content["keys"]["audit"]
    path.write_text(json.dumps(content))


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "foreign": (foreign, "is not the one that this database was written with"),
    "truncated": (lambda path: os.truncate(path, 200), "is damaged"),
    "empty": (lambda path: os.truncate(path, 0), "is damaged"),
    "damaged": (damaged, "is damaged"),
    "lacking a purpose": (lacking, "is damaged"),
    "missing": (Path.unlink, "is lost"),
    "newer": (newer, "was written by another release"),
    "older": (lambda path: path.write_bytes(path.with_name("older").read_bytes()), "is older"),
    "readable by the world": (lambda path: path.chmod(0o604), 'by "chmod 600 '),
    "readable by its group": (lambda path: path.chmod(0o640), 'by "chmod 600 '),
    "unreadable": (unreadable, "can't be read"),
    "a pipe": (a_pipe, "can't be read"),
}


def run(name: str) -> None:
    """Run a command as manage.py does, in the test's transaction."""
    command = CheckedUtility(["manage.py"]).fetch_command(name)
    call_command(command, *COMMANDS[name])


def refused(name: str) -> CommandError:
    """Run a command that must end with an error. It has one line."""
    with pytest.raises(CommandError) as error:
        run(name)
    assert "\n" not in str(error.value)
    return error.value


def everything() -> dict[str, list[dict[str, Any]]]:
    """All rows of all our models."""
    models = [model for name in OURS[1:] for model in apps.get_app_config(name).get_models()]
    return {model.__name__: list(model._base_manager.order_by("pk").values()) for model in models}


@pytest.mark.fast
def test_every_command_of_ours_is_in_one_of_the_two_lists() -> None:
    ours = {name for name, app in get_commands().items() if app in OURS}
    assert ours == COMMANDS.keys() | UNCHECKED.keys()
    utility = CheckedUtility(["manage.py"])
    for name in ours:
        is_checked = getattr(utility.fetch_command(name), "opens_key_ring", True)
        assert is_checked == (name in COMMANDS), name


@pytest.mark.django_db
@pytest.mark.parametrize("kind", HOSTILE)
def test_with_a_wrong_ring_no_command_writes_or_shows_anything(
    path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make, says = HOSTILE[kind]
    make(path)
    keyring.forget()
    before = everything()
    content = path.read_bytes() if path.is_file() else None
    capsys.readouterr()
    for command in COMMANDS:
        error = refused(command)
        assert error.returncode == WRONG_RING, command
        assert says in str(error), command
        assert str(path) in str(error), command
    assert capsys.readouterr().out == ""
    assert everything() == before
    assert content == (path.read_bytes() if path.is_file() else None)


@pytest.mark.django_db
def test_nothing_of_a_command_runs_before_the_check(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handle(*_: object, **__: object) -> None:
        raise AssertionError

    # Whatever a new command does: nothing of it runs.
    monkeypatch.setattr(make_operator.Command, "handle", handle)
    foreign(path)
    assert refused("make_operator").returncode == WRONG_RING


@pytest.mark.django_db
@pytest.mark.parametrize("command", COMMANDS)
def test_before_the_first_start_a_command_says_so_in_one_line(
    acme: Team, alice: User, command: str
) -> None:
    RingKey.objects.all().delete()
    error = refused(command)
    assert (error.returncode, str(error)) == (1, NOT_STARTED)


@pytest.mark.django_db
def test_the_right_ring_opens_a_command(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("verify_audit")
    assert "acme: holds" in capsys.readouterr().out


@pytest.mark.django_db
def test_tampering_is_another_exit_status_than_a_wrong_ring(
    path: Path, acme: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    with audit_locks.off():
        AuditEvent.objects.filter(team_id=acme.id, sequence=1).update(actor_name="nobody")
    assert refused("verify_audit").returncode == 1
    assert "acme: broken at entry 1: a row was edited" in capsys.readouterr().out
