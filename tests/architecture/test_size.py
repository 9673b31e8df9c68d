"""Budgets of lines: functions, modules, folders, stylesheets; every module says what it holds."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings

from config.environment.names import NAMES, SECRETS

pytestmark = pytest.mark.fast

ROOT: Path = settings.BASE_DIR
PACKAGES = ("config", "accounts", "apikeys", "chatflows")
MODULES = sorted(
    path.relative_to(ROOT).as_posix()
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if "migrations" not in path.parts
)
TESTS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py"))
STYLESHEETS = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("static/**/*.css"))
MAX_FUNCTION, MAX_MODULE = 50, 350  # lines, of tests too
MAX_STYLESHEET = 300  # lines
MAX_FOLDER = 15  # modules


def functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("name", [*MODULES, *TESTS])
def test_a_module_and_its_functions_are_short(name: str) -> None:
    text = (ROOT / name).read_text()
    lines = text.count("\n")
    assert lines <= MAX_MODULE, f"{name} has {lines} lines"
    for function in functions(ast.parse(text)):
        length = (function.end_lineno or 0) - function.lineno + 1
        assert length <= MAX_FUNCTION, f"{function.name} in {name} has {length} lines"


@pytest.mark.parametrize("name", STYLESHEETS)
def test_a_stylesheet_is_short(name: str) -> None:
    lines = (ROOT / name).read_text().count("\n")
    assert lines <= MAX_STYLESHEET, f"{name} has {lines} lines"


@pytest.mark.parametrize("name", MODULES)
def test_a_module_opens_with_what_lives_there(name: str) -> None:
    text = (ROOT / name).read_text()
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), name


def test_a_folder_holds_few_modules() -> None:
    found = Counter(
        path.parent.relative_to(ROOT).as_posix()
        for package in (*PACKAGES, "tests")
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__init__.py" and "migrations" not in path.parts
    )
    assert {folder: count for folder, count in found.items() if count > MAX_FOLDER} == {}


def test_functions_are_short_at_the_median_and_at_p90() -> None:
    lengths = sorted(
        (function.end_lineno or 0) - function.lineno + 1
        for name in MODULES
        for function in functions(ast.parse((ROOT / name).read_text()))
    )
    assert lengths[len(lengths) // 2] <= 10
    assert lengths[len(lengths) * 9 // 10] <= 24


def test_every_name_of_the_environment_is_explained() -> None:
    example = ROOT / ".env.example"
    if not example.exists():
        pytest.skip(".env.example is not written yet")
    code = (ROOT / "config" / "settings.py").read_text()
    readers = r"\b(?:text|exact|secret_url|number|networks|choice|currency|is_on|token)"
    read = set(re.findall(rf"{readers}\(\s*\"(\w+)\"", code))
    assert {"PORT", "PUBLIC_URL", "TRUSTED_PROXIES", "FLOWLATCH_DATA"} <= read
    explained = set(re.findall(r"^#? ?([A-Z_]+)=", example.read_text(), re.MULTILINE))
    assert read - explained == set()
    assert explained - read == set(), "explained, but nothing reads it"
    assert read == NAMES
    assert SECRETS <= NAMES
