"""Markdown of FAQs: what is a heading, and what only looks like one inside code or a comment."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from chatflows.faq.files import Reading, is_markdown, parse
from chatflows.faq.found import BadLine, Row
from chatflows.faq.markdown_headings import plain
from chatflows.faq.markdown_lines import heading_lines

pytestmark = pytest.mark.fast


def read(text: str) -> Reading:
    return parse(text, markdown=True)


def questions(text: str) -> list[str]:
    assert read(text).bad_lines == []
    return [row.question for row in read(text).rows]


def test_markdown_headings_are_questions() -> None:
    text = (
        "# FAQ\n\n## When are you open? ##\nFrom 9 to 17.\n\n- daily\n\n### And on *Sunday*?\n"
        "```\n# no heading\n```\n## Empty?\n## Last\nEnd."
    )
    rows, bad = read(text).rows, read(text).bad_lines
    assert rows == [
        Row(3, "When are you open?", "From 9 to 17.\n\n- daily"),
        Row(8, "And on Sunday?", "```\n# no heading\n```"),
        Row(13, "Last", "End."),
    ]
    assert bad == [BadLine(12, "no answer")]
    assert read("words\n# q\na").bad_lines == [BadLine(1, "text above the first heading")]


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("# q\na", "", True),
        ("\n\n## q\na", "", True),
        ("\ufeff# q\na", "", True),
        ("FAQ\n===\n", "", True),
        ("When?\n-----\nNow.", "", True),
        ("<!-- our FAQ -->\n\n# q\na", "", True),
        ("<!-- our FAQ\n# q\na", "", False),
        ("q,a\n-,-", "", False),
        ("#1,a", "", False),
        ("q,a", "", False),
        ("q,a", "x.MD", True),
        ("# q,a", "x.csv", False),
        ("", "", False),
    ],
)
def test_the_kind_is_told_by_the_name_or_the_first_line(
    text: str, name: str, expected: bool
) -> None:
    assert is_markdown(text, name) is expected


def test_a_fence_closes_only_with_its_own_sign_at_least_as_long() -> None:
    text = "## How?\n\n````\n```\n# not a heading\n```\n````\n\n## Where?\nHere.\n"
    assert read(text).rows == [
        Row(1, "How?", "````\n```\n# not a heading\n```\n````"),
        Row(9, "Where?", "Here."),
    ]
    assert read(text).bad_lines == []


@pytest.mark.parametrize(
    "inside",
    [
        "```\n~~~\n# no\n```",
        "~~~\n```\n# no\n~~~",
        "~~~~ md\n~~~\n# no\n~~~\n~~~~",
        "```sh title=x\n# no\n```",
        "```\n# no\n``` not the end\n# no\n```",
        "```\n# no\n    ```\n# no\n```",
        "```\n# no\n   `````  ",
        "   ```\n# no\n```",
        "``` a`b\ntext",
        "    ```\n    # no",
        "1. step\n   ```\n   # no\n   ```",
        "1. ```\n   # no\n   ```",
        "- - ~~~\n    # no\n    ~~~",
        "- ```\n  # no\n\ntext after the list",
        "- step\n  # no",
        "> # no",
        "<!--\n# no\n-->",
        "<!-- one line -->",
        "<pre>\n# no\n</pre>",
        "<script>\n# no\n</script>",
        "text\n---",
        "#no\n####### no",
        "\\# no",
        "\t# no",
    ],
)
def test_what_only_looks_like_a_heading_is_text(inside: str) -> None:
    reading = read(f"## How?\n{inside}\n## Where?\nHere.")
    assert [row.question for row in reading.rows] == ["How?", "Where?"]
    assert reading.rows[0].answer == inside.strip()
    assert reading.bad_lines == []


@pytest.mark.parametrize(
    ("begins", "what"),
    [
        ("```", "a block of code"),
        ("~~~~\n~~~", "a block of code"),
        ("<!-- ", "a comment"),
        ("<style>", "a block of HTML"),
    ],
)
def test_a_block_that_never_ends_is_named_with_its_line(begins: str, what: str) -> None:
    reading = read(f"## Who?\nMe.\n## How?\nSo:\n{begins}\n## Where?\nHere.")
    assert [row.question for row in reading.rows] == ["Who?"]
    (bad,) = reading.bad_lines
    assert bad.line == 5
    assert bad.why.startswith(f"{what} begins here and never ends")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Who?\n----\nMe.\n\nWhere?\n------\nHere.", ["Who?", "Where?"]),
        ("FAQ\n===\n\nWho?\n----\nMe.", ["Who?"]),
        ("FAQ\n===\n\n## Who?\nMe.\n\n---\n\n## Where?\nHere.", ["Who?", "Where?"]),
        ("Who is\n  it?\n===\nMe.", ["Who is it?"]),
        (
            "# Who? #\nMe.\n# C#\nA.\n#\tTab? ##  \nB.\n   # Three?\nC.",
            ["Who?", "C#", "Tab?", "Three?"],
        ),
    ],
)
def test_headings_are_read_in_every_form(text: str, found: list[str]) -> None:
    assert questions(text) == found


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_on_any_system(end: str) -> None:
    assert read(f"# Who?{end}Me.\u2028\x0c{end}# Where?{end}Here.").rows == [
        Row(1, "Who?", "Me."),
        Row(3, "Where?", "Here."),
    ]


def of_commonmark(text: str) -> dict[int, str]:
    """The headings that markdown-it finds outside lists and quotes, by their lines."""
    return {
        token.map[0] + 1: plain(following.content)
        for token, following in pairwise(MarkdownIt("commonmark").parse(text))
        if token.type == "heading_open" and token.map and not token.level
    }


COMMON = [
    "text",
    "Where?",
    "",
    "```",
    "````",
    "~~~",
    "``` x",
    "    # code",
    "<!--",
    "-->",
    "<div>",
    "</div>",
    "<b>",
    "<b>word",
    "***",
    "* * *",
    "___",
    "- item",
    "1. item",
    "> quote",
    "#no",
    "==",
]
WITH_SIGNS = st.sampled_from([*COMMON, "# a", "## b ##", "   ### c", " # d", "  # item", "\\# no"])
UNDERLINED = st.sampled_from([*COMMON, "---", "-----", "- - -"])


@given(st.lists(WITH_SIGNS, max_size=12) | st.lists(UNDERLINED, max_size=12))
def test_headings_are_those_of_commonmark(lines: list[str]) -> None:
    """Each of our headings is one of markdown-it's, and none of them is lost."""
    text = "\n".join(lines)
    reading = read(text)
    if any("never ends" in bad.why for bad in reading.bad_lines):
        return
    expected = of_commonmark(text)
    assert heading_lines(text) == set(expected)
    assert {row.line: row.question for row in reading.rows}.items() <= expected.items()


@pytest.mark.parametrize(
    ("text", "ours", "commonmark"),
    [
        ("# a\ntext\n---", {1}, {1, 2}),  # a line that parts two entries
        ("##\u00a0Where?", {1}, set()),
        ("##Where?", {1}, set()),  # a bad line
        ("---\ntitle: FAQ\n---\n# a", {4}, {2, 4}),
    ],
)
def test_where_it_is_not_as_in_commonmark(text: str, ours: set[int], commonmark: set[int]) -> None:
    assert heading_lines(text) == ours
    assert set(of_commonmark(text)) == commonmark
