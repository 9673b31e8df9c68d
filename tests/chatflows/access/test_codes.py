"""The catalogue of refusals: it stands in one place, the documents agree, callers can read it."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from accounts.models import Team
from chatflows.access import codes
from chatflows.access.codes import CODES, EXPLAINED, Code
from tests import factories

pytestmark = pytest.mark.fast

ROOT: Path = settings.BASE_DIR
PACKAGES = ("config", "accounts", "apikeys", "chatflows")
CATALOGUE = "chatflows/access/codes.py"
# Words that are spelled like a code and mean something else, and what they mean there.
NAMESAKES = {
    ("chatflows/access/decisions.py", "unavailable"): "a Reason, for the team alone",
    ("chatflows/gate/readers/postgres_link.py", "closed"): "why a connection was lost, for the log",
    ("config/errors.py", "unavailable"): "an event of the log",
    ("apikeys/bearer.py", "conflict"): "a Carrier: more than one credential",
}
ACCESS, AUTHENTICATION = ROOT / "docs" / "access.md", ROOT / "docs" / "authentication.md"
# What no caller of the gate meets, and who does.
NOT_ON_THE_GATE = {
    codes.BAD_REQUEST.name: "Django's answer to a malformed request, on paths that are no gate's",
    codes.FORBIDDEN.name: "Django's answer on paths that are no gate's",
    codes.NO_SUCH_THING.name: "operations of the management API",
    codes.INVALID_FIELDS.name: "operations of the management API",
    codes.CONFLICT.name: "operations of the management API",
    codes.PRECONDITION_FAILED.name: "operations of the management API",
    codes.TOO_MANY_STREAMS.name: "whoever asks on a page",
    codes.CLOSED.name: "whoever asks on a page",
}
STATUS = re.compile(r"\d{3}")


def literals(tree: ast.Module) -> set[str]:
    """The strings of a module that are a code's name."""
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str) and value in CODES}


def rows(document: Path) -> Iterator[tuple[int, str]]:
    """The status and code of each line in a document's tables that names them."""
    for line in document.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for status, named in pairwise(cells):
            if line.startswith("|") and STATUS.fullmatch(status):
                yield from ((int(status), name) for name in re.findall(r"`(\w+)`", named))


def test_a_code_is_named_by_the_catalogue_alone() -> None:
    found = {
        (path.relative_to(ROOT).as_posix(), name)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for name in literals(ast.parse(path.read_text()))
    }
    catalogue = {name for path, name in found if path == CATALOGUE}
    assert catalogue == set(CODES)
    elsewhere = {place for place in found if place[0] != CATALOGUE}
    assert elsewhere - set(NAMESAKES) == set(), "read codes.X, or say here what else is meant"
    assert set(NAMESAKES) - elsewhere == set(), "no longer needed"


@pytest.mark.parametrize("document", [ACCESS, AUTHENTICATION], ids=lambda path: path.name)
def test_a_document_gives_each_code_its_status(document: Path) -> None:
    named = set(rows(document))
    assert len(named) >= 10
    assert named - {(code.status, code.name) for code in CODES.values()} == set()


def test_every_code_of_the_gate_is_documented() -> None:
    documented = {name for _, name in rows(ACCESS)}
    assert set(CODES) - documented == set(NOT_ON_THE_GATE)


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_a_code_says_what_happened(code: Code) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code.name)
    assert 400 <= code.status <= 599
    assert code.title.strip()
    assert re.fullmatch(r"[A-Z].+\.", code.sentence)


def test_names_are_unique() -> None:
    catalogue = [value for value in vars(codes).values() if isinstance(value, Code)]
    assert len(catalogue) == len({code.name for code in catalogue}) == len(CODES)
    assert len(set(EXPLAINED)) == len(EXPLAINED)


@pytest.mark.parametrize("code", EXPLAINED, ids=[code.name for code in EXPLAINED])
def test_what_is_explained_has_a_meaning_and_a_remedy(code: Code) -> None:
    assert CODES[code.name] is code
    assert re.fullmatch(r"[A-Z].+\.", code.meaning)
    assert re.fullmatch(r"[A-Z].+\.", code.remedy)


@pytest.mark.django_db
def test_the_page_of_a_chatflow_shows_what_is_explained(acme: Team, as_alice: Client) -> None:
    flow = factories.chatflow(acme, "Explained")
    body = as_alice.get(reverse("chatflow_use", args=[acme.slug, flow.id])).content.decode()
    shown = re.findall(r"<tr>.*?</tr>", body, re.DOTALL)
    for code in EXPLAINED:
        (row,) = (row for row in shown if f"<span>{code.name}</span>" in row)
        assert f"<b>{code.status}</b>" in row
        assert escape(code.meaning) in row
        assert escape(code.remedy) in row


def test_the_guide_for_integrations_says_of_each_status_what_the_catalogue_says() -> None:
    text = (Path(settings.BASE_DIR) / "docs/integrating.md").read_text()
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    told = {name: (int(status), meaning, remedy) for status, name, meaning, remedy, _ in rows}
    for name, row in told.items():
        code = codes.CODES[name]
        assert row == (code.status, code.meaning, code.remedy)
    # Every other code is of pages or of the management API.
    assert codes.CODES.keys() - told.keys() == {
        *("bad_request", "forbidden", "no_such_thing", "invalid_fields", "conflict"),
        *("precondition_failed", "too_many_streams", "closed"),
    }
    retried = {name: retry for _, name, _, _, retry in rows if retry != "no"}
    for name in retried:
        assert codes.CODES[name].status in (408, 429, 500, 502, 503, 504), name
    for code in codes.CODES.values():
        if code.status in (429, 503) and code.name in told:
            assert "Retry-After" in retried[code.name]
