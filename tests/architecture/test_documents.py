"""Documents: what docs/ says of routes and versions is what the code does."""

import re
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings

from chatflows.gate.routes import ROUTES
from config.environment.names import NAMES, SECRETS
from tests import events
from tests.events import Event

pytestmark = pytest.mark.fast

ROOT: Path = settings.BASE_DIR
ROUTE = re.compile(r"`([A-Z]+) (/[^`\s]*)`")
FLOWISE = re.compile(r"Flowise(?:'s)? (\d+\.\d+\.\d+)")
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)")


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


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, made as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_between_the_documents_leads_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]
    broken = []
    for page in pages:
        for target, anchor in LINK.findall(page.read_text()):
            other = (page.parent / target).resolve() if target else page
            if not other.exists() or (anchor and anchor not in anchors(other)):
                broken.append(f"{page.relative_to(ROOT)}: {target}#{anchor}")
    assert broken == []


def test_each_setting_has_a_row_in_the_table() -> None:
    rows = re.findall(r"^\| (`.+?) \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    told = re.findall(r"`([A-Z_]+)`", " ".join(rows))
    assert [name for name, times in Counter(told).items() if times > 1] == []
    assert set(told) == NAMES


def test_the_guide_for_integrations_names_each_event_of_a_stream() -> None:
    guide = (ROOT / "docs/integrating.md").read_text()
    _, _, rest = guide.partition("| event | data |")
    told = set(re.findall(r"^\| `(\w+)` \|", rest.partition("\n\n")[0], re.MULTILINE))
    frames = (ROOT / "chatflows/protocols/flowise/frames.py").read_text()
    assert told == set(re.findall(r'frame\("(\w+)"', frames))


def test_the_settings_page_names_each_secret_that_can_be_in_a_file() -> None:
    told = re.findall(r"`([A-Z_]+)_FILE`", (ROOT / "docs/settings.md").read_text())
    assert set(told) == SECRETS
