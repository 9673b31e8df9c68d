"""Documents: what docs/ says of routes and versions is what the code does."""

import re
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings

from chatflows.gate.routes import ROUTES
from tests import events
from tests.events import Event

pytestmark = pytest.mark.fast

ROOT: Path = settings.BASE_DIR
ROUTE = re.compile(r"`([A-Z]+) (/[^`\s]*)`")
FLOWISE = re.compile(r"Flowise(?:'s)? (\d+\.\d+\.\d+)")


def test_the_addresses_in_access_md_are_the_gates() -> None:
    _, _, rest = (ROOT / "docs" / "access.md").read_text().partition("## The addresses\n")
    table = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("|")]
    assert set(ROUTE.findall("\n".join(table))) == {(route.method, route.path) for route in ROUTES}


def test_every_event_of_the_log_is_explained_and_no_other() -> None:
    _, _, rest = (ROOT / "docs" / "watching.md").read_text().partition("### Events\n")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in rest.splitlines()]
    explained = [
        Event(name.strip("`"), level, logger.strip("`"), tuple(re.findall(r"`(\w+)`", fields)))
        for name, level, logger, fields, _ in (row for row in rows if len(row) == 5)
        if name.startswith("`")
    ]
    assert len({*explained}) == len(explained)
    assert sorted(explained) == sorted(events.found())


def test_one_version_of_flowise_is_named() -> None:
    documents = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    sources = [
        path
        for folder in ("chatflows", "config", "templates", "tests")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".html")
    ]
    named = {
        (path.relative_to(ROOT).as_posix(), version)
        for path in (*documents, *sources)
        for version in FLOWISE.findall(path.read_text())
    }
    assert {path for path, _ in named} >= {"docs/authentication.md"}
    assert {version for _, version in named} == {settings.FLOWISE_VERSION}


def test_the_changelog_says_nothing_twice() -> None:
    titles = re.findall(r"^- \*\*(.+?)\*\*", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert titles
    assert [title for title, times in Counter(titles).items() if times > 1] == []
