"""Templates compile, are short in lines and in each line, and nothing needs 'unsafe-inline'."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template

pytestmark = pytest.mark.fast

FOLDER: Path = settings.BASE_DIR / "templates"
TEMPLATES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.html"))
# Mail programs read no stylesheet: what templates of mails share has its styles inline.
MAIL_PARTS = {f"accounts/mails/{name}.html" for name in ("layout", "button", "keys")}
FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.*"))
LIMIT = 150  # lines
MAX_LINE = 160  # characters
STYLES: Path = settings.BASE_DIR / "static" / "css"
FORBIDDEN = {
    "a style attribute": r"<[^>]*\sstyle\s*=",
    "a style element": r"<style\b",
    "an inline script": r"<script\b(?![^>]*\ssrc=)",
    "an event attribute": r"<[^>]*\son[a-z]+\s*=",
    "a javascript: address": r"javascript:",
    "hx-on": r"\bhx-on",
    "an address elsewhere": r"(?:src|href|action)\s*=\s*[\"']?(?:https?:)?//",
    # The help texts are ours, as in Django's own field.html.
    "the safe filter": r"(?<!\bhelp_text)\|\s*safe\b",
    "autoescape off": r"autoescape\s+off",
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_compiles(name: str) -> None:
    assert get_template(name)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_short_and_strict(name: str) -> None:
    text = (FOLDER / name).read_text()
    lines = text.count("\n")
    assert lines <= LIMIT, f"{name} has {lines} lines"
    for what, pattern in FORBIDDEN.items():
        if what == "a style attribute" and name in MAIL_PARTS:
            continue
        found = re.search(pattern, text, re.IGNORECASE)
        assert found is None, f"{what}: {found[0][:80] if found else ''}"


@pytest.mark.parametrize("name", FILES)
def test_a_line_of_a_template_is_short(name: str) -> None:
    for number, line in enumerate((FOLDER / name).read_text().splitlines(), 1):
        assert len(line) <= MAX_LINE, f"{name}, line {number}: {len(line)} characters"


def test_every_stylesheet_is_linked_in_the_order_of_its_name() -> None:
    # Of two rules in one layer the later wins, so the names say which that is.
    head = (FOLDER / "base.html").read_text().partition("{% block scripts")[0]
    linked = re.findall(r"{% static 'css/(.+?)' %}", head)
    sheets = {path.relative_to(STYLES).as_posix() for path in STYLES.rglob("*.css")}
    assert linked == sorted(sheets - {"no-script.css", "api-viewer.css"})


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_form_that_posts_has_its_token(name: str) -> None:
    text = (FOLDER / name).read_text()
    for form in re.findall(r"<form\b.*?</form>", text, re.DOTALL | re.IGNORECASE):
        if re.search(r"method\s*=\s*[\"']?post", form, re.IGNORECASE):
            assert "{% csrf_token %}" in form, form[:80]


def test_every_error_page_is_there() -> None:
    for status in (400, 403, 404, 500, 503):
        assert f"errors/{status}.html" in TEMPLATES
