"""Blocks of markdown that hold what only looks like a heading: code and HTML. Pure."""

import re
from dataclasses import dataclass

_FENCE = re.compile(r" {0,3}((?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*)(`{3,}(?=[^`]*$)|~{3,})")
# The kinds 1 to 5 of CommonMark 4.6: what begins them, what ends them.
_HTML = (
    ("a comment", re.compile(r" {0,3}<!--"), re.compile("-->")),
    (
        "a block of HTML",
        re.compile(r" {0,3}<(?:script|pre|style|textarea)(?:[\s>]|$)", re.IGNORECASE),
        re.compile(r"</(?:script|pre|style|textarea)>", re.IGNORECASE),
    ),
    ("an instruction", re.compile(r" {0,3}<\?"), re.compile(r"\?>")),
    ("a block of HTML", re.compile(r" {0,3}<!\[CDATA\["), re.compile(r"\]\]>")),
    ("a block of HTML", re.compile(r" {0,3}<![a-z]", re.IGNORECASE), re.compile(">")),
)
_TAGS = """
    address article aside base basefont blockquote body caption center col colgroup dd details
    dialog dir div dl dt fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6
    head header hr html iframe legend li link main menu menuitem nav noframes ol optgroup option p
    param search section summary table tbody td tfoot th thead title tr track ul
"""
# The kinds 6 and 7, which end at an empty line. Kind 7 is no part of a paragraph.
_BLOCK_TAG = re.compile(rf" {{0,3}}</?(?:{'|'.join(_TAGS.split())})(?:\s|/?>|$)", re.IGNORECASE)
_ANY_TAG = re.compile(
    r" {0,3}<(?:/[a-z][a-z\d-]*\s*|[a-z][a-z\d-]*(?:\s[^<>]*)?/?)>\s*$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Block:
    """Code or HTML that holds what looks like headings, until its end."""

    line: int
    what: str
    signs: str = ""
    is_in_list: bool = False
    end: re.Pattern[str] | None = None

    @property
    def must_end(self) -> bool:
        """Whether a text that ends inside it was hardly meant so."""
        return bool(self.signs or self.end)

    def ends_with(self, line: str) -> bool:
        """Whether a line is the last of it."""
        if self.end:
            return self.end.search(line) is not None
        if not self.signs:
            return not line.strip()
        signs = line.strip(" \t")
        is_indented = line[:4].isspace() and not self.is_in_list
        return not is_indented and len(signs) >= len(self.signs) and not signs.strip(self.signs[0])

    def ends_before(self, line: str) -> bool:
        """Whether the list item that it stands in is over."""
        return self.is_in_list and line[:1] not in ("", " ", "\t")


def opened(line: str, number: int, *, is_in_paragraph: bool) -> Block | None:
    """Return the block that a line opens and does not close."""
    if fence := _FENCE.match(line):
        return Block(number, "a block of code", signs=fence[2], is_in_list=bool(fence[1]))
    for what, start, end in _HTML:
        if found := start.match(line):
            return None if end.search(line, found.end()) else Block(number, what, end=end)
    if _BLOCK_TAG.match(line) or (not is_in_paragraph and _ANY_TAG.match(line)):
        return Block(number, "a block of HTML")
    return None
