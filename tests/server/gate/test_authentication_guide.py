"""docs/authentication.md is true: its commands are run, and its `#=>` lines seen in order."""

import os
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.server.forks import ROOT
from tests.server.shipped import Shipped

pytestmark = pytest.mark.server

GUIDE = (ROOT / "docs" / "authentication.md").read_text()
STEP = re.compile(
    r"```sh\n(?P<code>.*?)```|<!-- page: (?P<verb>\w+) (?P<name>[\w-]+) -->", re.DOTALL
)
WHAT = "Flowlatch is the front door for AI chatflows."
PROLOGUE = "set -euo pipefail\n"


def steps() -> Iterator[tuple[str, str]]:
    """Kind and content of each step, in the order of the page."""
    for found in STEP.finditer(GUIDE):
        yield ("sh", found["code"]) if found["code"] else (found["verb"], found["name"])


def test_every_command_of_the_guide_does_what_it_says(server: Shipped) -> None:
    flow = server.do(
        "make_chatflow", team="acme", name="Guide", entries=[["What is Flowlatch?", WHAT]]
    )
    variables = {"URL": server.url, "FLOW": flow}
    ran = 0
    for kind, content in steps():
        if kind == "select":
            names = ["crm-sync", content]
            server.do("save_access", chatflow=flow, mode="keys", opens_for=names)
        elif kind == "publish":
            origins = ["https://shop.example.com"]
            variables["SHOP"] = server.do(
                "make_publishable", team="acme", name=content, pinned_to=flow, origins=origins
            )
        elif kind == "delete":
            server.do("delete", name=content)
        elif "URL=" not in content:  # the first block only explains the names
            variables = run(server, content, variables)
            ran += 1
    assert ran == count_of_blocks() - 1


def count_of_blocks() -> int:
    """How many blocks of commands the page has."""
    return sum(kind == "sh" for kind, _ in steps())


def run(server: Shipped, code: str, variables: dict[str, str]) -> dict[str, str]:
    """Run a block; its expectations must show in order. The variables that it leaves behind."""
    commands = [line for line in code.split("\n") if not line.startswith("#=>")]
    expected = [line.removeprefix("#=> ") for line in code.split("\n") if line.startswith("#=>")]
    script = (
        PROLOGUE
        + "\n".join(commands)
        + '\necho "--variables--"\ndeclare -p KEY OTHER NEXT NEW 2>/dev/null || true\n'
    )
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env={**server.env, **variables, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    output, _, left = done.stdout.partition("--variables--")
    position = 0
    for line in expected:
        found = output.find(line, position)
        assert found >= 0, f"{line!r} did not follow in:\n{output}"
        position = found + len(line)
    return {**variables, **dict(re.findall(r'declare -\S+ (\w+)="([^"]*)"', left))}
