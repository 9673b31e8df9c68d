"""Headings of markdown as plain text, as people read them."""

import re

from markdown_it import MarkdownIt

MAX_LENGTH = 2000  # characters; a longer one is no question anyway
_NAME = re.compile(r"\s*\{:?\s*[#.][^{}]*\}$")  # "{#how}", which names a heading for links
_markdown = MarkdownIt("commonmark")


def plain(heading: str) -> str:
    """Return a heading's text without its name, emphasis, tags and the addresses of its links."""
    if len(heading) > MAX_LENGTH:
        return heading
    (inline,) = _markdown.parseInline(_NAME.sub("", heading.strip()))
    tokens = inline.children or []
    parts = (" " if one.type in ("softbreak", "hardbreak") else one.content for one in tokens)
    kept = (part for part, one in zip(parts, tokens, strict=True) if one.type != "html_inline")
    return " ".join("".join(kept).split())
