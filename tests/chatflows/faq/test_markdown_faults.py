"""Markdown as people write it, with its faults: each question is found, or its loss is told."""

import pytest

from chatflows.faq.files import Reading, is_markdown, parse
from chatflows.faq.found import Row
from chatflows.faq.markdown_headings import plain
from tests.endings import that_ends

pytestmark = pytest.mark.fast


def read(text: str) -> Reading:
    return parse(text, markdown=True)


@pytest.mark.parametrize(
    ("begins", "what"),
    [
        ("```", "a block of code"),
        ("<!-- ", "a comment"),
        ("<style>", "a block of HTML"),
        ("<?php", "an instruction"),
    ],
)
def test_a_block_that_never_ends_tells_how_much_was_not_read(begins: str, what: str) -> None:
    reading = read(f"## Who?\nMe.\n## How?\nSo:\n{begins}\n## Where?\nHere.\n## When?\nNow.")
    assert [row.question for row in reading.rows] == ["Who?"]
    (bad,) = reading.bad_lines
    assert bad.line == 5
    assert bad.why.startswith(
        f"{what} begins here and never ends; nothing below it was read (4 lines)"
    )


@pytest.mark.parametrize(
    ("above", "line"),
    [
        ("---\ntitle: FAQ\ntags: [a]\n---\n", 5),
        ("---\r\ntitle: FAQ\r\n---\r\n", 4),
        ("---\ntitle: FAQ\n# a comment\n...\n\n", 6),
        ('+++\ntitle = "FAQ"\n+++\n', 4),
        ("---\n\n", 3),
        ("***\n", 2),
        ("* * *\n___\n", 3),
    ],
)
@pytest.mark.parametrize("heading", ["## Where?", "Where?\n---", "Where?\n==="])
def test_front_matter_and_rules_are_no_part_of_a_question(
    above: str, line: int, heading: str
) -> None:
    reading = read(f"{above}{heading}\nHere.")
    assert reading.rows == [Row(line, "Where?", "Here.")]
    assert reading.bad_lines == []


@pytest.mark.parametrize(
    "above", ["---\n", "---\n## Who?\nMe.\n\n", "---\nNote: x\n## Who?\nMe.\n\n"]
)
def test_what_is_no_front_matter_is_not_skipped(above: str) -> None:
    reading = read(f"{above}Where?\n---\nHere.")
    assert "Where?" in [row.question for row in reading.rows]
    assert ("Who?" in above) == ("Who?" in [row.question for row in reading.rows])


@pytest.mark.parametrize(
    "heading",
    [
        "##\u00a0Where?",
        "##\u3000Where?",
        "##\u2003Where? ##",
        "##\u200bWhere?",
        "\u3000## Where?",
        "\uff03\uff03 Where?",
        " ## Where?",
        "Where?\n------",
        "Where?\n---",
    ],
)
@pytest.mark.parametrize("answer", ["Me.", "- step", "1. step\n"])
def test_a_heading_written_loosely_is_one(heading: str, answer: str) -> None:
    text = f"## Who?\n{answer}\n\n{heading}\nHere."
    reading = read(text)
    assert [(row.question, row.answer) for row in reading.rows] == [
        ("Who?", answer.strip()),
        ("Where?", "Here."),
    ]
    assert reading.bad_lines == []


def test_a_heading_without_a_blank_is_a_bad_line_and_pollutes_no_answer() -> None:
    reading = read("## Who?\nMe.\n##Where?\nHere.\n## When?\nNow.\n\n#hashtag\n##1")
    assert [(row.question, row.answer) for row in reading.rows] == [
        ("Who?", "Me."),
        ("When?", "Now.\n\n#hashtag\n##1"),
    ]
    assert [bad.line for bad in reading.bad_lines] == [3]
    assert "no blank" in reading.bad_lines[0].why


@pytest.mark.parametrize(
    "inside",
    [
        "<div>\n# no\n</div>\n",
        "<div align=center>\n## no\n\n",
        "<details>\n<summary>\n# no\n</summary>\n",
        "<b>\n# no\n</b>\n",
        "<?php\n\n# no\n?>",
        "<![CDATA[\n\n# no\n]]>",
        "<!DOCTYPE\n# no\n>",
    ],
)
def test_a_heading_inside_html_is_text(inside: str) -> None:
    reading = read(f"## How?\n{inside}\n## Where?\nHere.")
    assert [row.question for row in reading.rows] == ["How?", "Where?"]
    assert reading.rows[0].answer == inside.strip()


@pytest.mark.parametrize(
    ("heading", "text"),
    [
        ("How? {#how}", "How?"),
        ("How? {: #how .x}", "How?"),
        ("**How** do I *pay*?", "How do I pay?"),
        ("Where is [the shop](https://a.example/?q=1)?", "Where is the shop?"),
        ("What is `x_y_z`?", "What is x_y_z?"),
        ("![logo](x.png) Who?", "logo Who?"),
        ('<a name="x"></a>Who <br>?', "Who ?"),
        ("Is 2 * 3 = {6}?", "Is 2 * 3 = {6}?"),
        ("C\\# &amp; D", "C# & D"),
        ("Was kostet snake_case?", "Was kostet snake_case?"),
    ],
)
def test_a_question_is_the_plain_text_of_its_heading(heading: str, text: str) -> None:
    assert plain(heading) == text
    assert read(f"## {heading}\nHere.").rows == [Row(1, text, "Here.")]


@pytest.mark.parametrize("text", ["[" * 2000, "*a " * 600, "`" * 1999, "![" * 1000, "{#" * 900])
def test_a_hostile_heading_is_plain_soon(text: str) -> None:
    with that_ends():
        plain(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Our FAQ, as of today.\n\n## Where?\nHere, there.", True),
        ("Welcome.\n\nWhere?\n------\nHere.", True),
        ("---\ntitle: FAQ\n---\n## Where?\nHere.", True),
        ("- [Where?](#where)\n\n## Where?\nHere.", True),
        ("Our FAQ\n\n```\n# no\n```\n", False),
        ("question,answer\nWhere?,Here.\n# more,x", False),
        ('Where?,"Here:\n# no\nend"\nWhen?,Now.', False),
        ("x,y\na,b\n---\nc,d", False),
        ("#1,a\n#2,b", False),
    ],
)
def test_pasted_markdown_need_not_begin_with_a_heading(text: str, expected: bool) -> None:
    assert is_markdown(text) is expected
