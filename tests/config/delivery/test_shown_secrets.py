"""Every view that can show a secret says so, and its answers are not compressed."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

from accounts import checks
from config import settings

TEMPLATES = settings.BASE_DIR / "templates"
# How a template shows one: a box that leaves the page with the person, a key's text, a link.
SHOWS = re.compile(
    r"data-shown-once|\bkey_text\b|\bpublishable\.texts\b|{{ (?:each\.|sent\.)?link }}"
)
PARENT_OR_PART = re.compile(r'{% (?:extends|include) "([^"]+\.html[^"]*)"')
PARTIAL = re.compile(r"{% partialdef (\w+)[^%]*%}(.*?){% endpartialdef", re.DOTALL)
OURS = ("accounts", "apikeys", "chatflows", "config")

pytestmark = pytest.mark.fast


def test_exactly_the_views_that_show_a_secret_say_so() -> None:
    showing, marked = set(), set()
    for path, view in checks.pages():
        name = f"{view.__module__}.{view.__name__} ({path})"
        if any(shows(template) for template in templates_of(view)):
            showing.add(name)
        if getattr(view, "shows_secret", False):
            marked.add(name)
    assert marked == showing
    assert len(showing) > 12


def templates_of(view: Any) -> set[str]:
    """The templates that a view, or a function of ours that it calls, names."""
    found, seen = set(), set()
    waiting: list[Any] = [inspect.unwrap(view)]
    while waiting:
        function = waiting.pop()
        if function not in seen and function.__module__.startswith(OURS):
            seen.add(function)
            codes = list(codes_of(function.__code__))
            found |= {text for code in codes for text in code.co_consts if is_template(text)}
            waiting += [each for code in codes for each in called(function, code)]
    return found


def codes_of(code: CodeType) -> Iterator[CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from codes_of(inner)


def called(function: FunctionType, code: CodeType) -> Iterator[FunctionType]:
    """Every function of ours that the code may mean: by name, or by the name of a module's."""
    named = [function.__globals__[name] for name in code.co_names if name in function.__globals__]
    modules = [each for each in named if isinstance(each, ModuleType)]
    named += [vars(m)[name] for m in modules for name in code.co_names if name in vars(m)]
    for each in named:
        methods = vars(each).values() if inspect.isclass(each) else [each]
        yield from (inspect.unwrap(one) for one in methods if isinstance(one, FunctionType))


def is_template(text: Any) -> bool:
    return isinstance(text, str) and ".html" in text and "/" in text


def shows(name: str) -> bool:
    """Whether a template, one that it extends, or one that it includes shows a secret."""
    path, _, part = name.partition("#")
    source = Path(TEMPLATES / path).read_text()
    if part:
        source = dict(PARTIAL.findall(source))[part]
    return bool(SHOWS.search(source)) or any(map(shows, PARENT_OR_PART.findall(source)))
