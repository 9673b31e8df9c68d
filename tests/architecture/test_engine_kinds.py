"""Only the registry of kinds tells engines apart, and what needs no upstream loads no aiohttp."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from chatflows.engines import kinds

pytestmark = pytest.mark.fast

ROOT: Path = settings.BASE_DIR
PACKAGES = ("config", "accounts", "apikeys", "chatflows")
ENGINE_CLASSES = {"FaqEngine", "FlowiseEngine", "OpenAIEngine", "UnsetEngine"}
ENGINE_CLASSES |= {"FlowiseConfig", "OpenAIConfig"}
OWN = ("chatflows/engines/kinds.py", *(f"chatflows/engines/{name}/" for name in kinds.KINDS))
MODULES = sorted(
    path.relative_to(ROOT).as_posix()
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if "migrations" not in path.parts
)


def names_an_engine(node: ast.expr) -> bool:
    values = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    return any(isinstance(one, ast.Constant) and one.value in kinds.KINDS for one in values)


def names_a_class(node: ast.expr) -> bool:
    inner = [one for one in ast.walk(node) if isinstance(one, ast.Name | ast.Attribute)]
    names = {one.id if isinstance(one, ast.Name) else one.attr for one in inner}
    return bool(names & ENGINE_CLASSES)


def distinctions(tree: ast.Module) -> Iterator[int]:
    """The lines that compare with an engine's name, or look at an engine's class."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=others):
                if any(map(names_an_engine, [left, *others])):
                    yield node.lineno
            case ast.MatchValue(value=value):
                if names_an_engine(value):
                    yield value.lineno
            case ast.MatchClass(cls=cls):
                if names_a_class(cls):
                    yield cls.lineno
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, classes]):
                if names_a_class(classes):
                    yield node.lineno


def test_only_the_registry_tells_engines_apart() -> None:
    found = {
        name: lines
        for name in MODULES
        if not name.startswith(OWN)
        and (lines := list(distinctions(ast.parse((ROOT / name).read_text()))))
    }
    assert found == {}


def test_no_template_and_no_stylesheet_tells_engines_apart() -> None:
    names = "|".join(kinds.KINDS)
    pattern = re.compile(rf"[!=]=\s*[\"']({names})[\"']|\[value=[\"']?({names})[\"']?\]")
    files = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "static").rglob("*.css")]
    assert files
    for path in files:
        assert pattern.search(path.read_text()) is None, path


@pytest.mark.parametrize(
    "line",
    [
        'engine.name == "faq"',
        '"openai" != name',
        'name in ("faq", "flowise")',
        "isinstance(engine, OpenAIEngine)",
        "isinstance(engine, (engines.FlowiseEngine, Other))",
        "match name:\n    case 'faq': pass",
        "match engine:\n    case FaqEngine(): pass",
    ],
)
def test_a_distinction_is_found(line: str) -> None:
    assert list(distinctions(ast.parse(line)))


@pytest.mark.parametrize("line", ['kinds.of("faq")', "isinstance(engine, AbortableEngine)"])
def test_other_lines_are_left_alone(line: str) -> None:
    assert not list(distinctions(ast.parse(line)))


ANSWER = """
import asyncio, sys
import config.asgi
assert "aiohttp" not in sys.modules, "config.asgi brings it"
from uuid import UUID
from chatflows.engines import Question
from chatflows.engines.pool import EnginePool
from chatflows.engines.sources import EngineRef, EngineSource, Entry
class Sources:
    async def engine_source(self, chatflow_id):
        entries = (Entry("When are you open?", "From nine to five."),)
        return EngineSource(UUID(int=1), "faq", {}, "", entries)
async def main():
    engine = await EnginePool(Sources()).get(UUID(int=2), EngineRef("faq", 1))
    return [event async for events in engine.answer(Question("open?", "c")) for event in events]
assert "From nine to five." in str(asyncio.run(main()))
assert "aiohttp" not in sys.modules, "an answer of the FAQ brings it"
"""


def test_the_gate_and_an_answer_of_the_faq_load_no_aiohttp(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "FLOWLATCH_DATA": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", ANSWER],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-1500:]
