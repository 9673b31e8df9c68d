"""Markdown as FAQs are written in it: headings are questions, the text below each is its answer.

It follows CommonMark 0.31 (4.1 rules, 4.2 and 4.3 headings, 4.5 fences, 4.6 HTML) line by line, so
that reading can stop at any of them. A heading inside code, a comment, HTML, a list or a quote is
text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from chatflows.faq import markdown_blocks as blocks
from chatflows.faq.found import BadLine, Found, Row
from chatflows.faq.markdown_headings import plain

_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n|\Z)")
# People also write wide signs, and blanks that CommonMark does not count as such.
_SIGNS = re.compile(r"[ \u00a0\u3000]{0,3}([#\uff03]{1,6})(?=[^\S\r\n]|\u200b|$)")
_GLUED = re.compile(r"[ \u00a0\u3000]{0,3}([#\uff03]{2,6})[^\W\d_]")
_GLUED_WHY = (
    "no blank follows the number signs; with one it is a question. "
    "It is left out, and the text below it"
)
# One "-" below a line is rather the item of a list.
_UNDERLINE = re.compile(r" {0,3}(?:(=+)|(-{2,}))[ \t]*$")
_RULE = re.compile(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$")
_ITEM = re.compile(r" {0,3}(?:[-*+]|\d{1,9}[.)])(?:[ \t]{1,4}(?=\S)|[ \t]|$)")
_QUOTE, _CODE = re.compile(r" {0,3}>"), re.compile(r"\t| {4}")
_COMMENTS = re.compile(r"\s*(?:<!--(?:[^-]|-(?!->))*-->\s*)*")
_YAML, _TOML = re.compile(r"[\w\"'-]+\s*:(?:\s|$)"), re.compile(r"[\w\"'.-]+\s*=|\[")
_SEPARATOR = 3  # signs of a line that rather parts two entries than makes a heading
_CELL_SIGNS = frozenset(",;\t|")


@dataclass(slots=True)
class _Section:
    """A heading with the lines below it. Depth 0 is what stands above the first heading."""

    line: int
    depth: int = 0
    heading: str = ""
    has_signs: bool = False
    why: str = ""  # why it gives no entry
    below: list[str] = field(default_factory=list)
    paragraph: int = 0  # where the last paragraph begins in `below`, or its end if there is none

    def add(self, line: str, *, is_text: bool) -> None:
        self.below.append(line)
        if not is_text or not line.strip():
            self.paragraph = len(self.below)

    @property
    def is_in_paragraph(self) -> bool:
        return self.paragraph < len(self.below)

    @property
    def text(self) -> str:
        return "\n".join(self.below).strip()


def begins(text: str) -> bool:
    """Whether a text begins as markdown: with a heading, perhaps below comments."""
    if _front_matter(text):
        return True
    lines = _lines(text[_comments_end(text) :])
    first, second = next(lines, ""), next(lines, "")
    if _heading(first) is not None:
        return True
    return bool(first.strip() and not _RULE.match(first) and _UNDERLINE.match(second))


def heading_lines(text: str) -> set[int]:
    """Return the lines of headings; of doubtful ones those that no CSV would have."""
    return {
        one.line
        for one in _sections(text)
        if one.depth and (one.has_signs or _CELL_SIGNS.isdisjoint(one.heading))
    }


def read(text: str) -> Iterator[Found]:
    """Yield entries and bad lines. A heading directly above a deeper one is a title."""
    held = None
    for section in _sections(text):
        if held is not None:
            yield from _found(held, is_title=section.depth > held.depth)
        held = section
    if held is not None:
        yield from _found(held, is_title=False)


def _found(section: _Section, *, is_title: bool) -> Iterator[Found]:
    text = section.text
    if section.why:
        yield BadLine(section.line, section.why)
    elif section.depth == 0:
        if not all(map(_RULE.match, filter(str.strip, section.below))):
            yield BadLine(section.line, "text above the first heading")
    elif text or not is_title:
        yield Row(section.line, plain(section.heading), text)


class _Sections:
    """Reads lines into sections."""

    def __init__(self) -> None:
        self._section = _Section(1)
        self._block: blocks.Block | None = None
        self._has_signs = False
        self._item = 0  # where the text of the list's item begins; 0 outside lists
        self._is_lazy = False  # whether text would go on with the paragraph of an item or a quote

    def read(self, text: str) -> Iterator[_Section]:
        """Yield the sections. One with a block that never ends is bad, and the last."""
        skipped, number = _front_matter(text), 0
        for number, line in enumerate(_lines(text), 1):
            if number <= skipped:
                continue
            before, is_whole = self._section, True
            if self._block is not None and not self._block.ends_before(line):
                before.add(line, is_text=False)
                if self._block.ends_with(line):
                    self._block = None
            else:
                is_whole = not self._add(number, line)
            if not is_whole:
                yield before
        block = self._block
        if block is not None and block.must_end:
            below = number - block.line
            yield _Section(
                block.line,
                why=f"{block.what} begins here and never ends; nothing below it was read "
                f"({below:,} line{'' if below == 1 else 's'}), nor the entry that it stands in",
            )
        else:
            yield self._section

    def _add(self, number: int, line: str) -> bool:
        """Add a line outside blocks. Return whether it begins a section."""
        section = self._section
        is_in_paragraph = section.is_in_paragraph or self._is_lazy
        self._block = blocks.opened(line, number, is_in_paragraph=is_in_paragraph)
        indent = len(line) - len(line.lstrip(" \t"))
        is_outside = not self._item or indent < self._item
        if self._block is None and is_outside:
            if begun := self._with_signs(number, line):
                self._section, self._item, self._is_lazy = begun, 0, False
                return True
            if begun := self._underlined(number, line):
                self._section = begun
                return True
        section.add(line, is_text=self._is_text(line, is_outside=is_outside))
        return False

    def _is_text(self, line: str, *, is_outside: bool) -> bool:
        """Whether a line may belong to a paragraph that no list and no quote holds."""
        if not line.strip():
            self._is_lazy = False
            return False
        is_quote = _QUOTE.match(line) is not None
        is_rule = is_outside and _RULE.match(line) is not None
        item = None if is_rule or not is_outside else _ITEM.match(line)
        is_other = bool(self._block or is_rule)
        is_inside = item is not None or is_quote or not is_outside
        if self._is_lazy and not (is_other or is_inside):
            return False
        self._is_lazy = is_inside and not is_other and _heading(line.lstrip(" \t>-*+")) is None
        if is_outside:
            self._item = max(item.end(), 2) if item else 0
        is_code = not self._section.is_in_paragraph and _CODE.match(line) is not None
        return not (is_other or is_inside or is_code)

    def _with_signs(self, number: int, line: str) -> _Section | None:
        if heading := _heading(line):
            self._has_signs = True
            return _Section(number, *heading, has_signs=True)
        if found := _GLUED.match(line):
            return _Section(number, len(found[1]), line, why=_GLUED_WHY)
        return None

    def _underlined(self, number: int, line: str) -> _Section | None:
        """Return the section of the heading that `line` underlines, or None if it is no underline.

        In a text whose headings have number signs, "---" below text rather parts two entries.
        """
        section, found = self._section, _UNDERLINE.match(line)
        if found is None or not section.is_in_paragraph:
            return None
        is_question = section.below[-1].rstrip().endswith(("?", "\uff1f"))
        is_short = len(found[2] or "") <= _SEPARATOR and not is_question
        if self._has_signs and not found[1] and is_short:
            return None
        title = " ".join(map(str.strip, section.below[section.paragraph :]))
        number -= len(section.below) - section.paragraph
        del section.below[section.paragraph :]
        return _Section(number, 1 if found[1] else 2, title)


def _sections(text: str) -> Iterator[_Section]:
    return _Sections().read(text)


def _lines(text: str) -> Iterator[str]:
    for found in _LINE.finditer(text):
        if found[0]:
            yield found[1]


def _heading(line: str) -> tuple[int, str] | None:
    """Return the depth and the text of a heading that begins with number signs."""
    found = _SIGNS.match(line)
    if found is None:
        return None
    text = line[found.end() :].strip().strip("\u200b").strip()
    unclosed = text.rstrip("#\uff03")
    if not unclosed or unclosed[-1].isspace():
        text = unclosed.rstrip()
    return len(found[1]), text


def _front_matter(text: str) -> int:
    """Return how many lines the settings take that stand above a text, between two rules."""
    lines = _lines(text)
    sign = next(lines, "").rstrip()
    setting = {"---": _YAML, "+++": _TOML}.get(sign)
    if setting is None or not setting.match(next(lines, "")):
        return 0
    for number, line in enumerate(lines, 3):
        if line.rstrip() == sign or (sign == "---" and line.rstrip() == "..."):
            return number
        if line.startswith("##"):
            return 0  # a question; in settings one sign begins a comment
    return 0


def _comments_end(text: str) -> int:
    found = _COMMENTS.match(text, 0, 20_000)  # a longer comment is read, but tells nothing
    return found.end() if found else 0
