"""Markdown of answers: what a model writes is shown, and never runs."""

import re

import pytest

from chatflows.markdown import MAX_BRACKETS, MAX_LENGTH, to_html
from tests.endings import that_ends

pytestmark = pytest.mark.fast

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](java\nscript:alert(1))",
    "[a](&#106;avascript:alert(1))",
    "[a](\x01javascript:alert(1))",
    "[a](vbscript:x)",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "[a](//evil.example/x)",
    "[a](/t/acme/keys/)",
    "<javascript:alert(1)>",
    '[a](http://x/"onmouseover="alert(1))',
    '[a](http://x "t\\" onclick=alert(1) x=\\"")',
    "![x](http://evil.example/pixel.gif)",
    '![<img src=x onerror=alert(1)>](http://x "t")',
    "![a](javascript:alert(1))",
    '```"><script>alert(1)</script>\nx\n```',
    '``` js" onclick="alert(1)\nx\n```',
    "| <b onclick=alert(1)> |\n|---|\n| <script> |",
    "[a]: javascript:alert(1)\n\n[a]",
    "`<script>`",
]
ATTRIBUTES = {"href", "rel", "target", "title", "class", "start"}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    html = to_html(text)
    tags = re.findall(r"<(/?)([a-z0-9]+)([^>]*)>", html)
    assert not {name for _, name, _ in tags} & {"script", "img", "svg", "iframe", "b"}
    for _, _, attributes in tags:
        found = dict(re.findall(r'([a-z-]+)="([^"]*)"', attributes))
        assert set(found) <= ATTRIBUTES
        assert re.sub(r'[a-z-]+="[^"]*"', "", attributes).strip() in ("", "/")
        assert found.get("href", "http:").startswith(("http:", "https:", "mailto:"))


def test_what_people_write_is_shown_as_they_mean_it() -> None:
    html = to_html(
        "# Title\n\nOne **two** `three` ~~four~~\n\n- a\n- b\n\n"
        "| x |\n|---|\n| 1 |\n\n```\n<b>\n```"
    )
    for part in ("<h3>Title</h3>", "<strong>two</strong>", "<code>three</code>", "<s>four</s>"):
        assert part in html
    assert "<li>a</li>" in html
    assert "<td>1</td>" in html
    assert "&lt;b&gt;" in html


def test_a_link_opens_elsewhere_and_tells_nothing() -> None:
    html = to_html("[a](https://example.com/x?y=1&z=2) <mailto:a@example.com>")
    assert 'href="https://example.com/x?y=1&amp;z=2" rel="noopener noreferrer nofollow"' in html
    assert html.count('target="_blank"') == 2


def test_a_picture_leaves_its_words() -> None:
    assert to_html("![A cat](http://x/cat.png)") == "<p>A cat</p>\n"


def test_a_table_cell_has_no_style_of_its_own() -> None:
    assert "style=" not in to_html("| a |\n|:-:|\n| b |")


@pytest.mark.parametrize(
    "text",
    ["[" * 5000, "> " * 5000, "*a_" * 5000, "![" * 5000, "`" * 5000, "|a" * 5000, "- " * 5000],
    ids=lambda text: text[:3],
)
def test_a_text_made_to_be_slow_is_not(text: str) -> None:
    with that_ends():
        to_html(text)


def test_a_text_without_an_end_stands_as_it_was_typed() -> None:
    html = to_html("<b>" * MAX_LENGTH)
    assert html.startswith('<p class="as-typed">&lt;b&gt;')


def test_an_answer_of_brackets_stands_as_it_was_typed() -> None:
    assert to_html("[" * MAX_BRACKETS).startswith("<p>[")
    assert to_html("[" * (MAX_BRACKETS + 1)).startswith('<p class="as-typed">[')
