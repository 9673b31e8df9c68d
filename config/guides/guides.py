"""The guides, read from docs/ and rendered once. Headings have anchors, links lead to pages."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

FOLDER = settings.BASE_DIR / "docs"
# The list is read at the start: a name from an address is looked up in it, and never on the disk.
FILES = {path.stem: path for path in sorted(FOLDER.glob("*.md"))}
# What newcomers need stands first, then what whoever runs it needs; others follow by name.
FIRST = (
    *("authentication", "integrating", "people", "flow-app", "leaked-keys", "coming-over"),
    *("access", "api", "operations", "install", "hardening", "settings", "backup", "watching"),
    *("restarts", "upgrading", "growing", "when-it-breaks", "commands", "key-ring", "key-file"),
)
NAMES = (*(name for name in FIRST if name in FILES), *sorted(FILES.keys() - {*FIRST}))
DOCUMENT = re.compile(r"(?:docs/)?([a-z0-9-]+)\.md")


@dataclass(frozen=True, slots=True)
class Guide:
    """A page of docs/ as it is drawn."""

    name: str
    title: str
    lead: str  # its first sentence, as plain text
    html: SafeString
    parts: list[tuple[str, str]]  # anchor and words of its headings of the second level


@cache
def read(name: str) -> Guide:
    """Return a guide. Raises KeyError for a name that is not in the list."""
    tokens = _reader.parse(FILES[name].read_text(encoding="utf-8"))
    title, rest = _inline(tokens[1]), tokens[3:]  # the heading of the whole page
    parts = _anchored(rest)
    html = _reader.renderer.render(rest, _reader.options, {})
    texts = (rest[at + 1] for at, token in enumerate(rest) if token.type == "paragraph_open")
    lead = next(map(_inline, texts), "")
    # HTML in the text is off, and the text is ours.
    return Guide(name, title, lead.partition(". ")[0].rstrip(".:"), SafeString(html), parts)


def every() -> list[Guide]:
    """Return all guides in the order of the index."""
    return [read(name) for name in NAMES]


def _anchored(tokens: Sequence[Token]) -> list[tuple[str, str]]:
    """Give each heading the anchor that GitHub gives it, and return those of the second level."""
    seen: dict[str, int] = {}
    parts = []
    for token, inline in pairwise(tokens):
        if token.type != "heading_open":
            continue
        words = _inline(inline)
        anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        count = seen[anchor] = seen.get(anchor, -1) + 1
        anchor = f"{anchor}-{count}" if count else anchor
        token.attrSet("id", anchor)
        if token.tag == "h2":
            parts.append((anchor, words))
    return parts


def _inline(token: Token) -> str:
    children = token.children or ()
    return "".join(" " if each.type == "softbreak" else each.content for each in children)


def _address(link: str) -> str:
    """Return where a link of a document leads on these pages; nothing for files that have none."""
    parts = urlsplit(link)
    if parts.scheme in ("http", "https") or link.startswith("#"):
        return link
    if link == "openapi.json":
        return reverse("openapi")
    found = DOCUMENT.fullmatch(parts.path)
    if found is None or found[1] not in FILES:
        return ""
    return reverse("guide", args=[found[1]]) + (f"#{parts.fragment}" if parts.fragment else "")


def _link(renderer: RendererHTML, tokens: Sequence[Token], at: int, *rest: Any) -> str:
    token = tokens[at]
    address = _address(str(token.attrGet("href") or ""))
    if not address:
        token.tag = "span"
        token.attrs = {}
        following = [each for each in tokens[at:] if each.type == "link_close"]
        following[0].tag = "span"
        return renderer.renderToken(tokens, at, *rest)
    token.attrSet("href", address)
    if urlsplit(address).scheme:
        token.attrSet("rel", "noopener noreferrer")
    return renderer.renderToken(tokens, at, *rest)


def _cell(renderer: RendererHTML, tokens: Sequence[Token], at: int, *rest: Any) -> str:
    tokens[at].attrs.pop("style", None)  # an alignment; the CSP allows no inline style
    if tokens[at].tag == "th" and not tokens[at + 1].content:
        tokens[at].tag = tokens[at + 2].tag = "td"  # a heading without words names nothing
    return renderer.renderToken(tokens, at, *rest)


def _box(opened: bool) -> Any:
    def rule(renderer: RendererHTML, tokens: Sequence[Token], at: int, *rest: Any) -> str:
        drawn = renderer.renderToken(tokens, at, *rest)
        box = '<div class="guide__table" tabindex="0" role="group" aria-label="Table">'
        return box + drawn if opened else drawn + "</div>"

    return rule


def _code(renderer: RendererHTML, tokens: Sequence[Token], at: int, *rest: Any) -> str:
    drawn = renderer.fence(tokens, at, *rest)
    return str(drawn).replace("<pre>", '<pre tabindex="0" role="group" aria-label="Code">', 1)


def _made() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}).enable(["table"])
    made.add_render_rule("link_open", _link)
    made.add_render_rule("table_open", _box(opened=True))
    made.add_render_rule("table_close", _box(opened=False))
    made.add_render_rule("fence", _code)
    for cell in ("th_open", "td_open"):
        made.add_render_rule(cell, _cell)
    return made


_reader = _made()
