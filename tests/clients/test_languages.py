"""Clients of other languages, run as they come: what their own libraries send is read."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chatflows.engines.upstreams import hosting
from tests.server.shipped import OWNER, start
from tests.server.world import World

pytestmark = pytest.mark.server

HERE = Path(__file__).parent / "languages"
PROGRAMS = {
    "java": ["java", "Ask.java"],
    "go": ["go", "run", "ask.go"],
    "ruby": ["ruby", "ask.rb"],
    "php": ["php", "ask.php"],
    "node": ["node", "ask.mjs"],
}
NAMES = {"json", "chunked", "old", "stream", "form", "offer"}  # of calls that are let in
QUESTION = "What is Flowlatch?"
ANSWER = "Flowlatch is the front door for AI chatflows."


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server, and a stand-in of Flowise behind it, which takes forms."""
    with hosting() as host:
        running = start(tmp_path_factory.mktemp("languages"), OWNER)
        yield World(running, host)
        assert running.stop() == 0
        assert "Traceback" not in running.log


@pytest.mark.parametrize("language", PROGRAMS)
def test_a_program_gets_its_answers(world: World, language: str, tmp_path: Path) -> None:
    command = PROGRAMS[language]
    if shutil.which(command[0]) is None:
        if "CI" in os.environ:
            pytest.fail(f"{command[0]} is missing")
        pytest.skip(f"{command[0]} is not installed")
    answers = _run(world, command, tmp_path)
    assert answers.pop("refused")[0] == 401
    assert {"json", "stream", "form"} <= answers.keys() <= NAMES
    for name, (status, text) in answers.items():
        assert (name, status) == (name, 200), text
        words = "".join(re.findall(r'"token","data":"([^"]*)"', text)) or text
        assert (QUESTION if name == "form" else ANSWER) in words, name
    form = world.flowise.seen[-1]
    assert form.fields["question"] == QUESTION
    ((name, content),) = form.files.items()
    assert re.fullmatch(r"files/a( .b.( ü)?)?\.txt/(text/plain|application/octet-stream)", name)
    assert content == b"hello"


def _run(world: World, command: list[str], home: Path) -> dict[str, tuple[int, str]]:
    """Status and body of each call that the program made, by its name."""
    entries = [[QUESTION, ANSWER]]
    faq = world.server.do("make_chatflow", team="acme", name=f"For {command[0]}", entries=entries)
    form = world.flowise_flow()
    start_of_url = f"{world.server.url}/api/v1/prediction"
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "URL": f"{start_of_url}/{faq}",
        "FORM_URL": f"{start_of_url}/{form}",
        "KEY": world.key(faq, form),
    }
    done = subprocess.run(
        command, cwd=HERE, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    said = re.findall(r"^--- (\w+) (\d+)\n(.*?)(?=^---|\Z)", done.stdout, re.DOTALL | re.MULTILINE)
    return {name: (int(status), text) for name, status, text in said}
