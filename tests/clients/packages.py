"""npm's published clients: installed once from the committed lock file, kept in pytest's cache."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = ("package.json", "package-lock.json")
INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
WITHIN = 300  # seconds


def folder(cache: pytest.Cache) -> Path:
    """Where node_modules lies. Without node or the packages a skip that says so, in CI an error."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        _miss("no node and npm on PATH: on Debian, apt-get install nodejs npm")
    digest = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    place = cache.mkdir("clients") / digest
    place.mkdir(exist_ok=True)
    done = place / "installed"
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker may be at it
        if not done.exists():
            _install(place)
            done.touch()
    return place


def run(place: Path, code: str, **env: str) -> str:
    """What a module prints, run beside the packages."""
    done = subprocess.run(
        ["node", "--input-type=module", "-"],
        input=code,
        cwd=place,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _install(place: Path) -> None:
    for name in FILES:
        shutil.copy(HERE / name, place / name)
    try:
        subprocess.run(
            INSTALL, cwd=place, check=True, capture_output=True, text=True, timeout=WITHIN
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        _miss(f"npm ci did not install the clients: {error}")


def _miss(why: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
