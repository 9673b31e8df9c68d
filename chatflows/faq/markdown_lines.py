"""Markdown as FAQs are written in it: headings are questions, the text below each is its answer.

It follows CommonMark 0.31 (4.2 and 4.3 headings, 4.5 fences, 4.6 HTML) line by line, so that
reading can stop at any of them. A heading inside code, a comment, a list or a quote is text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from chatflows.faq.found import BadLine, Found, Row

_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n|\Z)")
_SIGNS = re.compile(r"( {0,3})(#{1,6})(?=[ \t]|$)")
# One "-" below a line is rather the item of a list.
_UNDERLINE = re.compile(r" {0,3}(?:(=+)|-{2,})[ \t]*$")
_ITEM = re.compile(r" {0,3}(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
_NO_TEXT = re.compile(r" {0,3}>|\t| {4}")  # a quote or code; no paragraph begins so
_FENCE = re.compile(r" {0,3}((?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*)(`{3,}(?=[^`]*$)|~{3,})")
_HTML = (
    (re.compile(r" {0,3}<!--"), re.compile("-->")),
    (
        re.compile(r" {0,3}<(?:script|pre|style|textarea)(?:[\s>]|$)", re.IGNORECASE),
        re.compile(r"</(?:script|pre|style|textarea)>", re.IGNORECASE),
    ),
)
_COMMENTS = re.compile(r"\s*(?:<!--(?:[^-]|-(?!->))*-->\s*)*")


@dataclass(slots=True)
class _Section:
    """A heading with the lines below it. Depth 0 is what stands above the first heading."""

    line: int
    depth: int = 0
    heading: str = ""
    below: list[str] = field(default_factory=list)
    paragraph: int = 0  # where the last paragraph begins in `below`, or its end if there is none

    def add(self, line: str, *, is_text: bool) -> None:
        self.below.append(line)
        if not is_text or not line.strip():
            self.paragraph = len(self.below)

    @property
    def text(self) -> str:
        return "\n".join(self.below).strip()


@dataclass(frozen=True, slots=True)
class _Block:
    """Code or HTML that holds what looks like headings, until its end."""

    line: int
    what: str
    signs: str = ""
    is_in_list: bool = False
    end: re.Pattern[str] | None = None

    def ends_with(self, line: str) -> bool:
        if self.end:
            return self.end.search(line) is not None
        signs = line.strip(" \t")
        is_indented = line[:4].isspace() and not self.is_in_list
        return not is_indented and len(signs) >= len(self.signs) and not signs.strip(self.signs[0])

    def ends_before(self, line: str) -> bool:
        """Whether the list item that it stands in is over."""
        return self.is_in_list and line[:1] not in ("", " ", "\t")


def begins(text: str) -> bool:
    """Whether a text begins as markdown: with a heading, perhaps below comments."""
    lines = _lines(text[_comments_end(text) :])
    first, second = next(lines, ""), next(lines, "")
    return _heading(first) is not None or bool(first.strip() and _UNDERLINE.match(second))


def read(text: str) -> Iterator[Found]:
    """Yield entries and bad lines. A heading directly above a deeper one is a title."""
    held = None
    for section in _sections(text):
        if held is not None:
            is_title = isinstance(section, _Section) and section.depth > held.depth
            yield from _found(held, is_title=is_title)
        if isinstance(section, BadLine):
            yield section
            return
        held = section
    if held is not None:
        yield from _found(held, is_title=False)


def _found(section: _Section, *, is_title: bool) -> Iterator[Found]:
    text = section.text
    if section.depth == 0:
        if text:
            yield BadLine(section.line, "text above the first heading")
    elif text or not is_title:
        yield Row(section.line, section.heading, text)


def _sections(text: str) -> Iterator[_Section | BadLine]:
    """Yield the sections. One with a block that never ends is the last, and a bad line."""
    section, block = _Section(1), None
    has_signs = is_in_list = False
    for number, line in enumerate(_lines(text), 1):
        if block is not None and not block.ends_before(line):
            section.add(line, is_text=False)
            if block.ends_with(line):
                block = None
            continue
        block = _opened(line, number)
        heading = None if block else _heading(line)
        if heading and not (is_in_list and line.startswith(" ")):
            yield section
            section, has_signs, is_in_list = _Section(number, *heading), True, False
        elif title := _underlined(section, line, has_signs=has_signs):
            depth = 1 if "=" in line else 2
            del section.below[-len(title) :]
            yield section
            section = _Section(number - len(title), depth, " ".join(map(str.strip, title)))
        else:
            if line.strip() and not line.startswith((" ", "\t")):
                is_in_list = _ITEM.match(line) is not None
            is_text = block is None and not is_in_list and not _NO_TEXT.match(line)
            section.add(line, is_text=is_text)
    if block is None:
        yield section
    else:
        why = f"{block.what} begins here and never ends; the entry that it stands in is left out"
        yield BadLine(block.line, why)


def _lines(text: str) -> Iterator[str]:
    for found in _LINE.finditer(text):
        if found[0]:
            yield found[1]


def _heading(line: str) -> tuple[int, str] | None:
    """Return the depth and the text of a heading that begins with number signs."""
    found = _SIGNS.match(line)
    if found is None:
        return None
    text = line[found.end() :].strip(" \t")
    unclosed = text.rstrip("#")
    if not unclosed or unclosed[-1] in " \t":
        text = unclosed.rstrip(" \t")
    return len(found[2]), text


def _underlined(section: _Section, line: str, *, has_signs: bool) -> list[str]:
    """Return the lines of the heading that `line` underlines; none if it is no underline.

    In a text whose headings have number signs, a line of "-" rather parts two entries.
    """
    found = _UNDERLINE.match(line)
    if found is None or (has_signs and not found[1]):
        return []
    return section.below[section.paragraph :]


def _opened(line: str, number: int) -> _Block | None:
    if fence := _FENCE.match(line):
        return _Block(number, "a block of code", signs=fence[2], is_in_list=bool(fence[1]))
    for start, end in _HTML:
        found = start.match(line)
        if found and not end.search(line, found.end()):
            what = "a comment" if "<!--" in found[0] else "a block of HTML"
            return _Block(number, what, end=end)
    return None


def _comments_end(text: str) -> int:
    found = _COMMENTS.match(text, 0, 20_000)  # a longer comment is read, but tells nothing
    return found.end() if found else 0
