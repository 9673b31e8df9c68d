"""What the image holds is enough, and a pod starts as deploy/README.md says."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.server.forks import PATIENCE, ROOT
from tests.server.shipped import OWNER, environment

pytestmark = pytest.mark.server

CONTAINERFILE = (ROOT / "deploy/container/Containerfile").read_text()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A folder with what the Containerfile copies."""
    home = tmp_path / "image"
    home.mkdir()
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE, re.MULTILINE):
        for name in line.split():
            target = home / name
            target.parent.mkdir(exist_ok=True)
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, target)
    return home


def run(image: Path, data: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=image, env=environment(data, **env),
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


@pytest.mark.large
def test_a_job_migrates_without_a_ring_and_a_pod_starts_with_the_one_that_was_made(
    image: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    done = run(image, data, "manage.py", "migrate")
    assert (done.returncode, done.stdout, done.stderr) == (0, "The tables are up to date.\n", "")
    assert not (data / "keyring.json").exists()
    readme = (ROOT / "deploy/README.md").read_text()
    found = re.search(r'^\.venv/bin/python -c "(.+keyring.+)"$', readme, re.MULTILINE)
    assert found is not None
    assert run(image, data, "-c", found[1]).returncode == 0
    made = image / "keyring.json"
    assert made.stat().st_mode & 0o777 == 0o600
    made.rename(data / "keyring.json")
    # An unusable login ends the start behind the ring: nothing needs to serve here.
    env = {**OWNER, "FLOW_USERNAME": "visitor", "PORT": str(free_port())}
    assert (
        "Set both FLOW_USERNAME and FLOW_PASSWORD"
        in run(image, data, "manage.py", "serve", **env).stderr
    )


def test_the_guides_that_pages_show_are_in_the_image(image: Path) -> None:
    named = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert named == {path.name for path in (image / "docs").glob("*.md")} != set()
