"""The code of the Use it page, run as it stands there; and what the clients do beside it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from chatflows import snippets
from chatflows.snippets import Snippet
from tests.clients import packages
from tests.clients.conftest import ANSWER, Door

pytestmark = pytest.mark.server

GROUPS = {
    "whole": snippets.whole,
    "streaming": snippets.streaming,
    "flowise": snippets.flowise,
    "openai": snippets.openai,
}
PROGRAMS = {
    "java": (["java"], "Ask.java"),
    "go": (["go", "run"], "ask.go"),
    "php": (["php"], "ask.php"),
}
WRONG = "flk_sk_" + "A" * 12 + "_" + "B" * 49


def snippet(door: Door, group: str, lang: str) -> Snippet:
    found = GROUPS[group](door.server.url, UUID(door.chatflow), "What is Flowlatch?")
    return next(each for each in found if each.lang == lang)


def said(output: str) -> str:
    """The answer in what a snippet printed: as it stands, or of the tokens of events."""
    if ANSWER in output:
        return ANSWER
    lines = [line.removeprefix("data:") for line in output.splitlines() if '"token"' in line]
    return "".join(json.loads(line)["data"] for line in lines)


@pytest.mark.parametrize("group", ["whole", "streaming"])
def test_the_curl_of_the_page_answers(door: Door, group: str) -> None:
    code = snippet(door, group, "curl").code
    done = subprocess.run(
        ["bash", "-c", code],
        env={"FLOWLATCH_KEY": door.key},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said(done.stdout) == ANSWER


@pytest.mark.parametrize("group", list(GROUPS))
def test_the_python_of_the_page_answers(door: Door, group: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", snippet(door, group, "python").code],
        env={"FLOWLATCH_KEY": door.key},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said(done.stdout) == ANSWER


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "streaming"])
@pytest.mark.parametrize("lang", PROGRAMS)
def test_a_program_of_the_page_answers(
    door: Door, lang: str, is_stream: bool, tmp_path: Path
) -> None:
    program, name = PROGRAMS[lang]
    if shutil.which(program[0]) is None:
        if "CI" in os.environ:
            pytest.fail(f"{program[0]} is missing")
        pytest.skip(f"{program[0]} is not installed")
    flow = door.server.url, UUID(door.chatflow), "What is Flowlatch?"
    found = snippets.by_programs(*flow, is_stream=is_stream)
    (tmp_path / name).write_text(next(each.code for each in found if each.lang == lang))
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "FLOWLATCH_KEY": door.key}
    done = subprocess.run(
        [*program, name], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert said(done.stdout) == ANSWER


@pytest.mark.parametrize("group", ["whole", "streaming", "openai"])
def test_the_javascript_of_the_page_answers(door: Door, node_folder: Path, group: str) -> None:
    code = snippet(door, group, "js").code
    assert said(packages.run(node_folder, code, FLOWLATCH_KEY=door.key)) == ANSWER


def test_flowise_sdk_streams_flowises_events(door: Door, node_folder: Path) -> None:
    code = snippet(door, "flowise", "js").code.replace("log(event)", "log(JSON.stringify(event))")
    output = packages.run(node_folder, code, FLOWLATCH_KEY=door.key)
    events = [json.loads(line) for line in output.splitlines()]
    assert [event["event"] for event in events][-3:] == ["sourceDocuments", "metadata", "end"]
    assert said(output) == ANSWER


def test_flowise_sdk_answers_whole(door: Door, node_folder: Path) -> None:
    answer = json.loads(packages.run(node_folder, _sdk(door, door.key, streaming=False)))
    assert (answer["text"], answer["question"]) == (ANSWER, "What is Flowlatch?")


def test_flowise_sdk_sees_a_refusal(door: Door, node_folder: Path) -> None:
    answer = json.loads(packages.run(node_folder, _sdk(door, WRONG, streaming=False)))
    assert (answer["statusCode"], answer["code"]) == (401, "invalid_token")
    streamed = json.loads(packages.run(node_folder, _sdk(door, WRONG, streaming=True)))
    assert streamed["thrown"].endswith("401")


def test_openais_client_for_node_raises_its_own_errors(door: Door, node_folder: Path) -> None:
    first, _, rest = snippet(door, "openai", "js").code.partition("\n")
    caught = "catch (e) { console.log(e.constructor.name, e.status, e.code) }"
    code = f"{first}\ntry {{ {rest} }} {caught}"
    output = packages.run(node_folder, code, FLOWLATCH_KEY=WRONG)
    assert output.split() == ["AuthenticationError", "401", "invalid_token"]


def _sdk(door: Door, key: str, *, streaming: bool) -> str:
    asked = {"chatflowId": door.chatflow, "question": "What is Flowlatch?", "streaming": streaming}
    client = {"baseUrl": door.server.url, "apiKey": key}
    return f"""
import sdk from "flowise-sdk";
const client = new sdk.FlowiseClient({json.dumps(client)});
try {{
  const answer = await client.createPrediction({json.dumps(asked)});
  if ({json.dumps(streaming)}) for await (const event of answer) throw new Error("let in");
  console.log(JSON.stringify(answer));
}} catch (error) {{
  console.log(JSON.stringify({{ thrown: String(error.message) }}));
}}
"""
