"""The units of systemd: they are read without a complaint, and leave little to an intruder."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config.server import GRACE
from tests.server.forks import PATIENCE, ROOT

UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
MOST_EXPOSED = 2.0  # of 10, as `systemd-analyze security` counts
ANALYZE = shutil.which("systemd-analyze")

pytestmark = pytest.mark.skipif(ANALYZE is None, reason="needs systemd-analyze")
on_each = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)


def analyzed(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ANALYZE), *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False
    )


@on_each
def test_a_unit_is_read_without_a_complaint(unit: Path, tmp_path: Path) -> None:
    """With the lines for secrets in force, and a Python that is there."""
    text = re.sub(r"^#(LoadCredential|Environment)=", r"\1=", unit.read_text(), flags=re.MULTILINE)
    text = text.replace("/opt/flowlatch/.venv/bin/python", sys.executable)
    assert text.count("LoadCredential=") >= 2
    copy = tmp_path / unit.name
    copy.write_text(text)
    done = analyzed("verify", "--man=no", str(copy))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@on_each
def test_a_unit_is_hardened(unit: Path) -> None:
    done = analyzed("security", "--offline=true", "--no-pager", str(unit))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None
    assert float(found[1]) <= MOST_EXPOSED


def test_a_stop_waits_for_the_grace() -> None:
    web = (ROOT / "deploy/systemd/flowlatch.service").read_text()
    found = re.search(r"TimeoutStopSec=(\d+)", web)
    assert found is not None
    assert int(found[1]) > GRACE + 10
