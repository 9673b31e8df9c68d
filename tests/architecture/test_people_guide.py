"""The guide to people says what the code does: its roles, figures and commands."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

from accounts.limits import invitation_limits, lock_outs
from accounts.models import Role
from accounts.permissions import ROLE_PERMISSIONS, Permission

pytestmark = pytest.mark.fast

GUIDE = (Path(settings.BASE_DIR) / "docs/people.md").read_text()
ROLES = (Role.OWNER, Role.ADMIN, Role.EDITOR, Role.VIEWER)


def test_its_table_of_roles_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| `([a-z:-]+)`[^|]*\|(.*)\|$", GUIDE, re.MULTILINE)
    table = {
        name: tuple(cell.strip() == "yes" for cell in cells.split("|")) for name, cells in rows
    }
    assert table == {
        permission.value: tuple(permission in ROLE_PERMISSIONS[role] for role in ROLES)
        for permission in Permission
    }


def test_its_figures_are_those_of_the_code() -> None:
    minutes = int(lock_outs.WINDOW.total_seconds() / 60)
    hours = int(lock_outs.LONGEST_WAIT.total_seconds() / 3600)
    for words in (
        f"after {lock_outs.LIMIT} wrong passwords",
        f"for {minutes} minutes",
        f"up to {hours} hours",
        f"{lock_outs.NETWORK_LIMIT} failures in {minutes} minutes",
        f"{lock_outs.DEVICE_LIMIT} failures of its own",
        f"a team makes at most {invitation_limits.PER_TEAM} links",
        f"a person {invitation_limits.PER_PERSON}, an address gets {invitation_limits.PER_ADDRESS}",
        f"for {settings.INVITATION_DAYS} days",
        f"last {settings.SESSION_COOKIE_AGE // 86400} days",
    ):
        assert words in GUIDE, words


def test_its_commands_are_there() -> None:
    assert set(re.findall(r"manage\.py (\w+)", GUIDE)) <= set(get_commands())
