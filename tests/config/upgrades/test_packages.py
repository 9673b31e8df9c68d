"""Packages that are missing or of a wrong version are named in one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from config.upgrades import packages
from tests.server.forks import PATIENCE, ROOT

pytestmark = pytest.mark.fast


def test_here_everything_fits() -> None:
    assert packages.complaint() == ""
    assert {"httptools", "django", "pydantic-core"} <= {n.split(" ")[0] for n in packages.locked()}


def test_what_is_missing_or_old_is_named_and_what_this_system_does_not_need_is_not() -> None:
    needed = ["django>=99", "nonesuch-package", "elsewhere ; sys_platform == 'nowhere'", "idna>=3"]
    line = packages.complaint(needed)
    assert line.startswith("Packages don't fit: django is 5.2")
    assert "has to be >=99, nonesuch-package is missing. Run `make install`" in line
    assert "elsewhere" not in line
    assert "idna" not in line


def test_a_command_that_meets_a_missing_package_says_so_in_one_line(tmp_path: Path) -> None:
    """As after a `git pull` that needs a package more."""
    program = (
        "import runpy, sys; sys.modules['structlog'] = None; sys.argv = ['manage.py', 'serve'];"
        "from importlib import metadata; real = metadata.version;"
        "metadata.version = lambda n: real('nonesuch' if n == 'structlog' else n);"
        "runpy.run_path('manage.py', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True,
        env={"FLOWLATCH_DATA": str(tmp_path)}, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == (
        "Packages don't fit: structlog is missing. Run `make install`, then start again.\n"
    )
