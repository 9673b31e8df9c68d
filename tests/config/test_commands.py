"""Commands of a terminal where a part is missing: one line, never a traceback."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Team, User
from accounts.outages import NOT_STARTED

pytestmark = pytest.mark.django_db

COMMANDS = (
    ("issue_key", "--team", "acme", "--name", "k"),
    ("make_operator", "alice"),
    ("reset_link", "EMAIL"),
    ("verify_audit",),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_key_ring_a_command_says_so_in_one_line(
    acme: Team, alice: User, settings: Any, tmp_path: Path, command: tuple[str, ...]
) -> None:
    alice.refresh_from_db()
    command = tuple(alice.email if word == "EMAIL" else word for word in command)
    settings.KEY_RING_PATH = tmp_path / "keyring.json"
    with pytest.raises(CommandError) as error:
        call_command(*command)
    assert str(error.value) == NOT_STARTED
