"""docs/backup.md is true: its commands are run in order, and its `#=>` lines are seen in order."""

import re
import subprocess
from pathlib import Path

import pytest
from django.core.management import get_commands

from tests.config.copies.conftest import Installation
from tests.server import shipped
from tests.server.forks import PATIENCE, ROOT

pytestmark = pytest.mark.server

GUIDE = (ROOT / "docs" / "backup.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)


def test_its_commands_are_there() -> None:
    named = set(re.findall(r"manage\.py (\w+)", GUIDE))
    assert {"backup", "restore", "move_to"} <= named <= set(get_commands())


@pytest.mark.large
def test_every_command_of_the_guide_does_what_it_says(
    home: Installation, empty_url: str, tmp_path: Path
) -> None:
    lines = [line for block in BLOCKS for line in here(block, tmp_path).splitlines()]
    expected = [line.removeprefix("#=> ") for line in lines if line.startswith("#=> ")]
    done = subprocess.run(
        ["bash", "-c", "set -euo pipefail\n" + "\n".join(lines)],
        cwd=ROOT,
        env={**shipped.environment(home.folder, DATABASE_URL=""), "NEW_DATABASE": empty_url},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rest = done.stdout
    for line in expected:
        _, found, rest = rest.partition(line)
        assert found, f"{line!r} is not in {done.stdout}"


def here(block: str, folder: Path) -> str:
    """The commands of a block, in a folder of ours."""
    return block.replace("/var/backups/", f"{folder}/").replace("/srv/", f"{folder}/")
