"""Snippets and the Postman collection hold no key; the HTML of a snippet is its code, escaped."""

import html
import json
import re
from uuid import UUID

import pytest

from chatflows import postman, snippets
from chatflows.snippets import Snippet

pytestmark = pytest.mark.fast

ID = UUID("0198c2f4-1c2b-4d5e-8f90-abcdef123456")
ALL = [
    *snippets.whole("https://f.example", ID),
    *snippets.streaming("https://f.example", ID),
    *snippets.by_programs("https://f.example", ID),
    *snippets.by_programs("https://f.example", ID, is_stream=True),
    *snippets.flowise("https://f.example", ID),
    *snippets.openai("https://f.example", ID),
]


@pytest.mark.parametrize("snippet", ALL, ids=lambda s: f"{s.lang}-{len(s.code)}")
def test_a_snippet_names_the_address_and_no_key(snippet: Snippet) -> None:
    assert "https://f.example" in snippet.code
    assert str(ID) in snippet.code
    assert "FLOWLATCH_KEY" in snippet.code
    assert "flk_" not in snippet.code


@pytest.mark.parametrize("snippet", ALL, ids=lambda s: f"{s.lang}-{len(s.code)}")
def test_the_html_is_the_code_and_nothing_else(snippet: Snippet) -> None:
    without_marks = re.sub(r'<span class="s">|</span>', "", snippet.html)
    assert html.unescape(without_marks) == snippet.code


@pytest.mark.parametrize(
    "code", ["", "'", '"', "<b>'<i>'", "a \"b' c\" d'", "'''", "&amp;", 'x = "</span><script>"']
)
def test_odd_code_is_escaped(code: str) -> None:
    shown = Snippet("x", "x", code).html
    without_marks = re.sub(r'<span class="s">|</span>', "", shown)
    assert "<" not in without_marks
    assert html.unescape(without_marks) == code


@pytest.mark.parametrize("snippet", ALL, ids=lambda s: f"{s.lang}-{len(s.code)}")
def test_python_code_is_python(snippet: Snippet) -> None:
    if snippet.lang == "python":
        compile(snippet.code, "snippet", "exec")


def test_the_postman_collection_asks_with_a_variable_for_a_key() -> None:
    value = postman.collection("Support", "https://f.example", ID, "Where?")
    assert value["info"]["schema"].endswith("/v2.1.0/collection.json")
    assert value["auth"]["bearer"][0]["value"] == "{{flowlatch_key}}"
    assert {one["key"]: one["value"] for one in value["variable"]} == {
        "host": "https://f.example",
        "flowlatch_key": "",
    }
    assert "flk_" not in json.dumps(value)
    for item in value["item"]:
        address = item["request"]["url"]
        assert address["raw"] == "{{host}}/" + "/".join(address["path"])
        if item["request"]["method"] == "POST":
            assert str(ID) in address["raw"]
            assert json.loads(item["request"]["body"]["raw"])["question"]
