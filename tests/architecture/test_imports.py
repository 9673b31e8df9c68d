"""Arrows point one way: the import contracts hold."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.fast

ROOT: Path = settings.BASE_DIR
PACKAGES = ("config", "accounts", "apikeys", "chatflows")
PURE = (
    "apikeys/key_text.py",
    "apikeys/bearer.py",
    "chatflows/gate/routes.py",
    "chatflows/protocols/flowise/bodies.py",
    "chatflows/faq/files.py",
    "chatflows/engines/events.py",
    "chatflows/engines/configs.py",
    "chatflows/engines/kinds.py",
    "chatflows/engines/sources.py",
    "chatflows/engines/faq/engine.py",
    "chatflows/engines/flowise/config.py",
    "chatflows/engines/openai/config.py",
    "accounts/crypto/keyring.py",
    "accounts/network/addresses.py",
)


def test_the_contracts_hold() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(tool), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert re.search(r"Contracts: [1-9]\d* kept, 0 broken", done.stdout)


@pytest.mark.parametrize("name", PURE)
def test_a_pure_part_imports_no_django(name: str) -> None:
    imported = re.findall(r"^\s*(?:from|import) (\w+)", (ROOT / name).read_text(), re.MULTILINE)
    assert "django" not in imported


def test_a_server_on_sqlite_loads_no_driver_of_postgresql(tmp_path: Path) -> None:
    program = "import sys, config.asgi; print([m for m in sys.modules if 'psycopg' in m])"
    ours = {"FLOWLATCH_DATA": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/database"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, **ours, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "[]\n", done.stderr


def test_there_are_no_other_packages() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert found - {"tests"} == set(PACKAGES)
