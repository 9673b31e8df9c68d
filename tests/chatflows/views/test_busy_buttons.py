"""Each button that sends a form has a word for what it does while the answer is on its way."""

import re
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.fast

TEMPLATES = sorted((Path(settings.BASE_DIR) / "templates").rglob("*.html"))
BUTTON = re.compile(r'<button\b[^>]*type="submit"[^>]*>(.*?)</button>', re.DOTALL)
TAG = re.compile(r"\{%.*?%\}|\{#.*?#\}|<[^>]+>", re.DOTALL)
SEARCHES = {"Filter", "Find", "Search"}  # their forms are no changes, and their lists are swapped


def first_word(label: str) -> str:
    """Return the first word of a button's label, or nothing for an icon or a variable."""
    words = TAG.sub(" ", label).split()
    return words[0] if words and words[0].isalpha() else ""


def test_each_button_has_a_word_for_its_work() -> None:
    script = (Path(settings.BASE_DIR) / "static/js/forms.js").read_text()
    table = script.partition("const DOING = {")[2].partition("};")[0]
    known = set(re.findall(r'(\w+): "', table))
    labels = {
        first_word(label)
        for template in TEMPLATES
        for label in BUTTON.findall(template.read_text())
    }
    assert {"Save", "Import", "Disable", "Undo"} <= labels
    assert labels - known - SEARCHES == {""}
